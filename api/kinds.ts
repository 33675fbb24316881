/** All of Sluice's kinds. */
import { controlPlaneKind } from './controlPlane.ts';
import { dataPlaneKind } from './dataPlane.ts';
import { gatewayConfigurationKind } from './gatewayConfiguration.ts';
import type { KindDefinition } from './kind.ts';

/** Every kind of the group `sluice.dev`, in the order in which the reference shows them. */
export const kinds: readonly KindDefinition[] = [gatewayConfigurationKind, dataPlaneKind, controlPlaneKind];
