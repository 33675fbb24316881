export {
  Collection,
  DerivedCollection,
  Graph,
  Index,
  SourceCollection,
  type DeriveOptions,
  type Member,
  type Reader,
  type Transform,
} from './graph.ts';
