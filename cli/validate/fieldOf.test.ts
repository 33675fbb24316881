import { expect, test } from 'vitest';
import type { KubernetesObject } from '../../api/object.ts';
import { fieldOf } from './fieldOf.ts';

const object: KubernetesObject = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name: 'app', namespace: 'default' },
  spec: {
    parentRefs: [{ name: 'edge' }, { name: 'later' }],
    rules: [{ name: 'first', backendRefs: [{ name: 'app' }] }, { backendRefs: [{ name: 'app' }, { name: 'gone' }] }],
    listeners: [{ name: 'http' }, { name: 'https', tls: { certificateRefs: [{ name: 'gone' }] } }],
  },
};

test.each([
  ['rule 1 is left out, because the path match is wrong', 'spec.rules[1]'],
  ['rule "first" answers 500', 'spec.rules[0]'],
  ['Gateway default/later does not exist: nothing serves the route there', 'spec.parentRefs[1].name'],
  ['Service default/gone does not exist: create it or correct the reference', 'spec.rules[1].backendRefs[1].name'],
  ['Listener "https": Secret default/gone does not exist', 'spec.listeners[1].tls.certificateRefs[0].name'],
  ['Listener "http": Port 80 is used twice', 'spec.listeners[0]'],
  ['something else', 'spec'],
])('%s', (message, path) => {
  expect(fieldOf(object, message)).toBe(path);
});
