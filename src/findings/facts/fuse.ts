/** FUSE connections of the capture, made once for causes and sections. */
import { type FuseConnection, fuseConnections } from '../../replay/fuse-connections.ts';
import type { Facts } from '../facts.ts';

export type { FuseConnection, Silence } from '../../replay/fuse-connections.ts';

export const fuseFacts = ({ trace }: Facts): readonly FuseConnection[] => fuseConnections(trace);
