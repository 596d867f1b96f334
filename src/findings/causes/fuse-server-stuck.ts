/** A FUSE server answers nothing for a while although requests wait: everybody on it waits. */
import { isKernelThread } from '../../derive/stalls.ts';
import { type Advice, type CauseDefinition, type CauseOutcome, clear, unknown } from '../cause.ts';
import { StallClaims } from '../claims.ts';
import { fuseFacts, type Silence } from '../facts/fuse.ts';
import { Spans } from '../facts/sorted.ts';
import type { Facts } from '../facts.ts';
import { count, duration } from '../format.ts';
import { rowEvidence } from './from-stalls.ts';

export const fuseServerStuck: CauseDefinition = {
  id: 'fuse-server-stuck',
  title: 'A FUSE server stopped answering',
  question: 'Did a FUSE server leave requests unanswered while tasks waited for it?',
  needs: [['fuse_request_send']],
  precedes: [
    'bdi-limited',
    'device-slower-than-writers',
    'fsync-behind-bulk-writeback',
    'sync-storm',
    'inode-lock-wait',
  ],
  links: ['Documentation/filesystems/fuse.rst, Aborting a filesystem connection'],
  evaluate,
};

function evaluate(facts: Facts): CauseOutcome {
  // A server that was stuck all the time never wrote one, so that its absence must be explained.
  if (!facts.isRecorded('fuse_request_end')) return unknown('Not recorded: fuse_request_end.');
  const connections = facts.once(fuseFacts);
  const silences = connections.flatMap(({ silences: own }) => own);
  const [longest] = [...silences].sort((a, b) => b.to_ns - b.from_ns - (a.to_ns - a.from_ns));
  if (longest === undefined) return clear('Every FUSE server answered while it had requests.');
  const connection = connections.find(({ id }) => id === longest.connection);
  const own = silences.filter((silence) => silence.connection === longest.connection);
  const claims = claimWaits(facts, own);
  const lasted = longest.to_ns - longest.from_ns;
  const usual = connection?.median_service_ns;
  const bdi = bdiOf(facts, longest);
  return {
    status: 'found',
    bdi,
    claims,
    window_ns: [longest.from_ns, longest.to_ns],
    summary:
      `The FUSE server of connection ${deviceText(longest.connection)} answered nothing for ` +
      `${duration(lasted)}${longest.open ? ' until the capture ended' : ''} while ` +
      `${count(longest.pending_after, 'request')} waited; tasks lost ` +
      `${duration(claims.total_ns())} to it.`,
    culprits: [{ kind: 'server', name: `FUSE connection ${deviceText(longest.connection)}`, bdi }],
    numbers: [
      {
        name: 'time without an answer',
        value: lasted / 1e9,
        unit: 's',
        relation: '>',
        threshold: usual === undefined ? undefined : usual / 1e9,
        source: 'fuse_request_end; compared with the usual time to an answer',
      },
      {
        name: 'requests waiting at the end of the silence',
        value: longest.pending_after,
        unit: 'count',
        relation: '≥',
        threshold: 1,
        source: 'fuse_request_send without fuse_request_end',
      },
    ],
    evidence: [
      ...rowEvidence(facts, 'fuse_request_end', [longest.last_row]),
      ...rowEvidence(facts, 'fuse_request_end', [longest.next_row]),
    ],
    counter_evidence: [
      {
        question: 'Did the server answer anything in that time?',
        seen: 'no answer at all, on any of its requests',
        result: 'for',
      },
      {
        question: 'Were events lost in that time?',
        seen: 'no',
        result: 'for',
      },
    ],
    confidence: lasted >= 2e9 ? 0.95 : 0.8,
    confidence_reasons: lasted >= 2e9 ? [] : ['The silence was short.'],
    advice: adviceFor(longest.connection, claims.total_ns(), lasted),
  };
}

/** Waits for the server: requests themselves, and what else their tasks waited in on its bdi. */
function claimWaits(facts: Facts, silences: readonly Silence[]): StallClaims {
  const claims = new StallClaims();
  const [first] = silences;
  const bdi = first === undefined ? undefined : bdiOf(facts, first);
  const device = first === undefined ? undefined : deviceText(first.connection);
  const spans = new Spans(
    silences.map(({ from_ns, to_ns }) => ({ start_ns: from_ns, end_ns: to_ns })),
  );
  facts.stalls.forEach((stall, index) => {
    // Nobody waits for the flusher's own requests but those who wait in other places.
    if (isKernelThread(stall.comm)) return;
    const isRequest = stall.place === 'fuse-request' && stall.dev === device;
    if (!isRequest && (bdi === undefined || stall.bdi !== bdi)) return;
    const overlap_ns = spans.overlap(stall.start_ns, stall.start_ns + stall.duration_ns);
    claims.add(index, Math.min(facts.stallNs(index), overlap_ns));
  });
  return claims;
}

/** The connection is the device number of the mount, which is also the name of its bdi. */
function bdiOf({ trace }: Facts, { connection }: Silence): string | undefined {
  const name = deviceText(connection);
  return [...trace.tables.values()].some(({ columns }) => {
    const { bdi } = columns;
    return bdi?.kind === 'text' && bdi.dictionary.includes(name);
  })
    ? name
    : undefined;
}

function deviceText(connection: string): string {
  const number = Number(connection);
  if (!Number.isInteger(number)) return connection;
  return `${Math.floor(number / 2 ** 20)}:${number % 2 ** 20}`;
}

function minorOf(connection: string): string {
  return deviceText(connection).split(':').at(-1) ?? connection;
}

/** Seconds after which requests are aborted; of the advice. */
const TIMEOUT_S = 60;

function adviceFor(connection: string, lost_ns: number, silent_ns: number): Advice[] {
  return [
    {
      kind: 'application',
      text:
        'Look at the server process in that window (stopped, swapped out, waiting on a network ' +
        'or on a lock): its own log and stack say why it did not answer.',
      command: 'cat /proc/PID/stack /proc/PID/status',
      predicted:
        `with a server that answers, the ${duration(lost_ns)} of waits within its silence would ` +
        'not have been (level a)',
    },
    {
      kind: 'application',
      text: 'To free the waiting tasks at once, abort the connection (their I/O fails).',
      command: `echo 1 > /sys/fs/fuse/connections/${minorOf(connection)}/abort`,
      predicted: 'waits end when it is aborted; until then all of them stay (level a)',
    },
    {
      kind: 'kernel',
      text: 'Kernels from 6.14 can abort requests by themselves after a time.',
      command: `sysctl -w fs.fuse.default_request_timeout=${TIMEOUT_S}`,
      predicted:
        silent_ns <= TIMEOUT_S * 1e9
          ? `nothing here: the silence lasted ${duration(silent_ns)}, less than that (level a)`
          : `waits would have ended ${TIMEOUT_S} s after their request, not after ` +
            `${duration(silent_ns)} (level a)`,
    },
  ];
}
