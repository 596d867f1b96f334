/** What the description of a traced kernel begins with (tracing-header.ts), and so a trace.dat. */
export const TRACING_MAGIC = '\x17\x08\x44tracing';
