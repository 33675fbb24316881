/** Names and labels of the objects that Sluice makes for others. Pure, and the same on every replica and after every restart. */
import { createHash } from 'node:crypto';

/** What a Service may be called (RFC 1035 label), which every other kind takes as well. Source: Kubernetes docs, "Object Names and IDs". */
const label = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

/**
 * A name made of another one: the same where it is a valid label and short enough, else as much of it as fits and a hash,
 * so that two names never become one.
 * @param suffix is appended and counts
 */
export function derivedName(name: string, suffix = '', limit = 63): string {
  const room = limit - suffix.length;
  if (name.length <= room && label.test(name)) return name + suffix;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  const readable = name.replaceAll(/[^a-z0-9-]/g, '-').replace(/^[^a-z]+/, '');
  const kept = readable.slice(0, room - hash.length - 1).replace(/-+$/, '');
  return `${kept === '' ? 'x' : kept}-${hash}${suffix}`;
}

/** A label value that stands for a name: at most 63 characters. Source: Kubernetes docs, "Labels and Selectors". */
export function labelValue(name: string): string {
  return name.length <= 63 ? name : derivedName(name);
}
