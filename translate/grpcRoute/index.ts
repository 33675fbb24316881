export { translateGrpcRoute } from './route.ts';
