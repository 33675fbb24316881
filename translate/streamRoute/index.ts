export { deriveStreamResources, deriveStreams, type StreamCollections } from './collections.ts';
export { leaderOf, placeKey, placeStream, type Leader, type StreamPlace, type StreamPlacement } from './placement.ts';
export {
  isStreamKind,
  targetName,
  translateStream,
  type StreamKind,
  type StreamRoute,
  type StreamTarget,
  type StreamUse,
  type TranslatedStream,
} from './route.ts';
