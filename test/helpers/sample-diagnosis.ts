/** The diagnosis that belongs to the sample report: one cause, one that follows from it. */
import type { ReportCause, ReportDiagnosis } from '../../reports/schema/report.ts';

const cause: ReportCause = {
  id: 'device-slower-than-writers',
  title: 'The device is slower than its writers',
  question: 'Did writers wait because the device could not keep up?',
  status: 'found',
  severity: 'critical',
  summary: 'fio (pid 2210) lost 14.8 s on bdi 7:0: the device took 40.1 MiB/s.',
  confidence: 0.9,
  confidence_reasons: ['The capture began after the writer did.'],
  bdi: '7:0',
  time_lost_s: 14.8,
  claimed_s: 14.8,
  share_of_window: 0.814,
  window_ns: [7e8, 17.6e9],
  victims: [
    { comm: 'fio', pid: 2210, bdi: '7:0', cgroup: '1', time_lost_s: 14.78, stalls: 121 },
    { comm: 'jbd2/loop0-8', pid: 2199, bdi: '7:0', time_lost_s: 0.02, stalls: 2 },
  ],
  culprits: [
    { kind: 'device', name: '7:0', bdi: '7:0' },
    { kind: 'inode', name: 'inode 12 on 7:0', bdi: '7:0', ino: '12', bytes: 943718400, share: 1 },
  ],
  numbers: [
    {
      name: 'dirty + writeback at the pauses (median)',
      value: 232783872,
      unit: 'bytes',
      relation: 'of',
      threshold: 268435456,
      source: 'balance_dirty_pages',
    },
  ],
  evidence: [
    {
      table: 'balance_dirty_pages',
      row: 795,
      ts_ns: 4.966e9,
      text: 'fio-2210 balance_dirty_pages: bdi=7:0 ino=12',
    },
  ],
  counter_evidence: [
    { question: 'Was the device idle?', seen: 'It wrote all of the time.', result: 'for' },
  ],
  advice: [
    {
      kind: 'sysctl',
      text: 'A higher limit postpones the pauses.',
      command: 'sysctl -w vm.dirty_bytes=536870912',
      predicted: 'the same pauses 8 s later (simulated, level c)',
    },
  ],
  links: ['Documentation/admin-guide/sysctl/vm.rst, dirty_bytes'],
};

const nothing = {
  severity: 'info',
  confidence: null,
  confidence_reasons: [],
  time_lost_s: 0,
  claimed_s: 0,
  share_of_window: 0,
  window_ns: null,
  victims: [],
  culprits: [],
  numbers: [],
  evidence: [],
  counter_evidence: [],
  advice: [],
  links: [],
} as const;

function without(id: string, status: ReportCause['status'], summary: string): ReportCause {
  const lists = structuredClone(nothing) as unknown as Omit<ReportCause, 'id' | 'status'>;
  return { ...lists, id, title: id, question: `${id}?`, status, summary };
}

export function sampleDiagnosis(): ReportDiagnosis {
  return {
    verdict: {
      root_cause: cause.id,
      title: cause.title,
      severity: 'critical',
      confidence: 0.9,
      confidence_reasons: cause.confidence_reasons,
      summary: cause.summary,
      bdi: '7:0',
      window_ns: [7e8, 17.6e9],
      time_lost_s: 14.8,
      also: [],
    },
    findings: [
      cause,
      without('sync-storm', 'clear', 'No sync was called.'),
      without('fuse-server-stuck', 'unknown', 'Not recorded: fuse_request_send.'),
    ],
    stalls: {
      count: 123,
      own_ms: 14800,
      places: [
        {
          place: 'dirty-throttling',
          count: 123,
          total_ms: 14800,
          own_ms: 14800,
          p50_ms: 120,
          p99_ms: 190,
          max_ms: 196,
        },
      ],
    },
    quality: {
      lost_events: 0,
      lost_share: 0,
      observed_ns: 18.18e9,
      checks: 1828,
      checks_exact: 1828,
      diagnostics: [],
    },
    next_capture: {
      reasons: ['fuse_request_send was not recorded: it would tell about fuse-server-stuck.'],
      command: 'trace-cmd record -e writeback -e fuse sleep 30',
    },
  };
}
