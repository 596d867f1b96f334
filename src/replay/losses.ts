/** Which stretches of a trace lack events; the index itself is part of the contract of traces. */
export { type LossIndex, lossIndex } from '../trace/loss-index.ts';
