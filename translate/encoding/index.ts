export { duration, parseDuration } from './duration.ts';
export { appendRepeated, encode, pack, resource, sameBytes, sameResource, type Init } from './encode.ts';
