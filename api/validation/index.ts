export { type ValidationError } from './check.ts';
export { findKind, type KnownKind, knownKinds, parseApiVersion } from './knownKinds.ts';
export { didYouMean, suggestion } from './suggestion.ts';
export { validateObject, type ValidationOptions, type ValidationResult } from './validateObject.ts';
