# What the scripts of this folder share. Sourced, not run.
#
#   SLUICE_CACHE         where built binaries and images are kept (default ~/.cache/sluice)
#   SLUICE_CLUSTER_NAME  the cluster to work with (default: sluice); one node at a time runs on a machine

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$ROOT/hack/tools/versions.env"
CACHE=${SLUICE_CACHE:-$HOME/.cache/sluice}
NODE_CACHE=$CACHE/node
BIN=$NODE_CACHE/bin
IMAGES=$NODE_CACHE/images

CLUSTER_NAME=${SLUICE_CLUSTER_NAME:-sluice}
STATE=/tmp/cluster-$CLUSTER_NAME  # everything that a running cluster writes; short, for socket paths have 107 bytes at most
NETNS=cluster-$CLUSTER_NAME       # the network namespace that everything of the cluster lives in

NODE_IP=198.51.100.1
POD_CIDR=198.18.0.0/16
SERVICE_CIDR=198.19.0.0/16
DNS_IP=198.19.0.10

CONTAINERD_SOCKET=$STATE/containerd/containerd.sock
OPERATOR_IMAGE=sluice.dev/sluice:dev

export PATH=$ROOT/node_modules/.bin:$BIN:$PATH:/usr/sbin:/sbin

fail() { echo "$(basename "$0"): $*" >&2; exit 1; }
say() { echo "$*" >&2; }

# The network namespace that the cluster lives in.
netns_path() {
  case $(cat "$STATE/kind") in
    kind) echo "/proc/$(docker inspect --format '{{.State.Pid}}' "$CLUSTER_NAME-control-plane")/ns/net" ;;
    *) echo "/run/netns/$NETNS" ;;
  esac
}
# Runs a command in the cluster's network. Not `ip netns exec`, which hides /sys/fs/cgroup.
inside() { nsenter --net="$(netns_path)" "$@"; }

# ctr, on the containerd of the cluster.
ctr_() { "$BIN/ctr" --address "$CONTAINERD_SOCKET" --namespace k8s.io "$@" 2> >(grep -v "msg=.DEPRECATION" >&2); }

# wait_until WHAT COMMAND…: until the command succeeds; a minute is far beyond what anything takes.
wait_until() {
  local what=$1; shift
  local end=$((SECONDS + 60))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || fail "waited a minute for $what in vain; logs are in $STATE/logs"
    sleep .1
  done
}

need_root() { [ "$(id -u)" = 0 ] || fail 'root is needed to run a Kubernetes node (or set CLUSTER=existing and KUBECONFIG to use another cluster)'; }
