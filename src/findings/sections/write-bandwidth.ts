/** Write bandwidth and rate limits of each bdi, as the kernel's controller estimated them. */

import type { BandwidthSeries } from '../../derive/write-bandwidth.ts';
import type { Context } from '../context.ts';
import type { Series, Timeline } from '../detail.ts';
import type { Outcome } from '../finding.ts';
import { bytes, count } from '../format.ts';
import { lostIntervals } from '../intervals.ts';
import { median } from '../median.ts';
import type { FindingDefinition } from '../run.ts';

export const writeBandwidth: FindingDefinition = {
  id: 'write-bandwidth',
  title: 'Write bandwidth and rate limits',
  question:
    'How fast did the kernel think each device writes, and how fast did it let tasks dirty?',
  needs: ['bdi_dirty_ratelimit'],
  evaluate,
};

const BDIS_DRAWN = 4;
/** Fewer updates than this make no curve; the bdi is still named in the answer. */
const MIN_UPDATES = 5;

function evaluate(context: Context): Outcome {
  const summary = context.bandwidth
    .slice(0, BDIS_DRAWN)
    .map((series) => sentence(series))
    .join(' ');
  const details = context.bandwidth
    .filter(({ ts_ns }, index) => index === 0 || ts_ns.length >= MIN_UPDATES)
    .slice(0, BDIS_DRAWN)
    .map((series, index) => chart(context, series, index));
  const hidden = context.bandwidth.length - details.length;
  const weakenedBy =
    hidden > 0 ? [`${count(hidden, 'more bdi')} with fewer updates not drawn.`] : [];
  return { status: 'shown', summary, details, weakenedBy };
}

function sentence(series: BandwidthSeries): string {
  const rate = (values: Float64Array) => `${bytes(median(values) * 1024)}/s`;
  return (
    `bdi ${series.name}: median write bandwidth ${rate(series.avg_write_bw_kibps)}, ` +
    `tasks dirtied at ${rate(series.dirty_rate_kibps)} in ${count(series.ts_ns.length, 'update')}.`
  );
}

function chart(context: Context, series: BandwidthSeries, index: number): Timeline {
  const curve = (id: string, label: string, role: Series['role'], kibps: Float64Array): Series => ({
    id,
    label,
    role,
    shape: 'step',
    t_ns: series.ts_ns,
    values: kibps.map((value) => value * 1024),
  });
  return {
    kind: 'timeline',
    id: `bandwidth-${index}`,
    title: `bdi ${series.name}: median write bandwidth ${bytes(median(series.avg_write_bw_kibps) * 1024)}/s`,
    subtitle: 'recorded by bdi_dirty_ratelimit at every update of the rate controller',
    unit: 'bytes_per_s',
    window_ns: context.window_ns,
    series: [
      curve('write_bw', 'write bandwidth', 'recorded', series.write_bw_kibps),
      curve('avg_write_bw', 'its average', 'recorded', series.avg_write_bw_kibps),
      curve('dirty_rate', 'rate of dirtying', 'recorded', series.dirty_rate_kibps),
      curve('dirty_ratelimit', 'dirty_ratelimit', 'limit', series.dirty_ratelimit_kibps),
      curve('task_ratelimit', 'task_ratelimit', 'limit', series.task_ratelimit_kibps),
      curve(
        'balanced_dirty_ratelimit',
        'balanced_dirty_ratelimit',
        'limit',
        series.balanced_dirty_ratelimit_kibps,
      ),
    ],
    bands: [],
    lost: lostIntervals(context),
  };
}
