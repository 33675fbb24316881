/** Generates `config/crd/`: the CustomResourceDefinitions of Sluice's kinds. */
import type { KindDefinition } from '../../../api/kind.ts';
import { kinds } from '../../../api/kinds.ts';
import { group, version } from '../../../api/names.ts';
import type { JSONSchemaProps } from '../../../api/validation/schema.ts';
import type { CustomResourceDefinition } from '../customResourceDefinition.ts';
import type { GeneratedFiles } from '../files.ts';
import { toYAML } from '../yaml.ts';
import { structuralSchema } from './structural.ts';

const folder = 'config/crd';

/** The schema of a whole object of the kind. */
function objectSchema(definition: KindDefinition): JSONSchemaProps {
  const spec = structuralSchema(definition.spec);
  spec.description = 'What is wanted.';
  if (!definition.specRequired) spec.default = {};
  const status = structuralSchema(definition.status);
  status.description = 'What is: written by the operator.';
  return {
    type: 'object',
    description: definition.description,
    ...(definition.specRequired && { required: ['spec'] }),
    properties: {
      apiVersion: { type: 'string', description: `${group}/${version}` },
      kind: { type: 'string', description: definition.kind },
      metadata: { type: 'object' },
      spec,
      status,
    },
    ...(definition.rules && { 'x-kubernetes-validations': [...definition.rules] }),
  };
}

/** The CustomResourceDefinition of a kind. */
export function customResourceDefinition(definition: KindDefinition): CustomResourceDefinition {
  const { kind, singular, plural } = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular,
        shortNames: [...definition.shortNames],
        categories: ['sluice'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {}, ...(definition.scale && { scale: definition.scale }) },
          additionalPrinterColumns: definition.printerColumns.map((column) => ({ ...column })),
          schema: { openAPIV3Schema: objectSchema(definition) },
        },
      ],
    },
  };
}

/** Every definition of our kinds. */
export const ourDefinitions: readonly CustomResourceDefinition[] = kinds.map(customResourceDefinition);

/** One file per kind, and the kustomization that lists them. */
export function generateDefinitions(): GeneratedFiles {
  const files = new Map(
    ourDefinitions.map((definition) => [`${folder}/${group}_${definition.spec.names.plural}.yaml`, toYAML(definition)]),
  );
  const resources = [...files.keys()].map((path) => path.slice(folder.length + 1)).toSorted();
  files.set(
    `${folder}/kustomization.yaml`,
    toYAML({ apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources }),
  );
  return { folder, files };
}
