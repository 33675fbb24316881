export {
  Collection,
  DerivedCollection,
  Graph,
  Index,
  SourceCollection,
  type DeriveOptions,
  type Leveled,
  type Member,
  type Reader,
  type Transform,
} from './graph.ts';
