# The processes of the node: how each is started and stopped. Sourced after lib.sh.
#
# A process is known by $STATE/run/NAME.pid: its id and its start time (field 22 of /proc/PID/stat), so that one that got
# the same id later is never taken for it.

COMPONENTS=(etcd kube-apiserver kube-controller-manager kube-scheduler containerd kubelet kube-proxy coredns load-balancer)

# The start time of a process; nothing where it is gone, or dead and waiting for its parent.
start_time() { sed -n 's/.*) //; /^[^ZX]/p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# The id of a component's process, or failure where it does not run.
component_pid() {
  local pid started
  read -r pid started 2>/dev/null < "$STATE/run/$1.pid" || return 1
  [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ] && echo "$pid"
}

# launch NAME COMMAND…: in the background, in the cluster's network and in a session of its own, without the open files of
# who starts it: one may be a lock that would be held as long as the component runs.
launch() {
  local name=$1; shift
  component_pid "$name" >/dev/null && return
  # shellcheck disable=SC2016 # expanded by the inner shell, which becomes the component: its id is known before it runs
  setsid nsenter --net="$(netns_path)" bash -c '
    for fd in /proc/$$/fd/*; do fd=${fd##*/}; if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi; done
    echo "$$ $(sed "s/.*) //" /proc/$$/stat | cut -d" " -f20)" > "$1.new" && mv "$1.new" "$1" && shift && exec "$@"' \
    launch "$STATE/run/$name.pid" "$@" >> "$STATE/logs/$name.log" 2>&1 < /dev/null &
  disown
  wait_until "$name to be launched" component_pid "$name"
}

# signal_components SIGNAL SECONDS NAME…: sends the signal, waits until they are gone, kills what is left.
signal_components() {
  local signal=$1 end=$((SECONDS + $2)) name pid pids=(); shift 2
  for name in "$@"; do pid=$(component_pid "$name") && { kill -s "$signal" "$pid" 2>/dev/null; pids+=("$name"); }; done
  for name in "${pids[@]}"; do
    while pid=$(component_pid "$name"); do
      [ $SECONDS -lt $end ] || kill -s KILL "$pid" 2>/dev/null
      sleep .05
    done
    rm -f "$STATE/run/$name.pid"
  done
}

start_component() {
  cd "$STATE"
  case $1 in
    etcd)
      launch etcd "$BIN/etcd" --data-dir "$STATE/etcd" --listen-client-urls http://127.0.0.1:2379 --unsafe-no-fsync \
        --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380 --log-level warn ;;
    kube-apiserver)
      launch kube-apiserver "$BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --advertise-address=$NODE_IP --secure-port=6443 \
        --service-cluster-ip-range=$SERVICE_CIDR --tls-cert-file=pki/apiserver.crt --tls-private-key-file=pki/apiserver.key \
        --client-ca-file=pki/ca.crt --service-account-key-file=pki/sa.pub --service-account-signing-key-file=pki/sa.key \
        --service-account-issuer=https://kubernetes.default.svc --authorization-mode=Node,RBAC --cert-dir=apiserver \
        --kubelet-preferred-address-types=InternalIP --kubelet-client-certificate=pki/admin.crt --kubelet-client-key=pki/admin.key \
        --requestheader-client-ca-file=pki/ca.crt --requestheader-allowed-names=front-proxy \
        --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
        --requestheader-extra-headers-prefix=X-Remote-Extra- --proxy-client-cert-file=pki/front-proxy.crt \
        --proxy-client-key-file=pki/front-proxy.key --enable-aggregator-routing=true --allow-privileged=true \
        --enable-admission-plugins=NodeRestriction --shutdown-watch-termination-grace-period=1s
      wait_until kube-apiserver inside "$BIN/kubectl" --kubeconfig kubeconfig get --raw /readyz ;;
    kube-controller-manager)
      launch kube-controller-manager "$BIN/kube-controller-manager" --kubeconfig=kubeconfig --root-ca-file=pki/ca.crt \
        --service-account-private-key-file=pki/sa.key --use-service-account-credentials --leader-elect=false \
        --cluster-signing-cert-file=pki/ca.crt --cluster-signing-key-file=pki/ca.key --allocate-node-cidrs=true \
        --cluster-cidr=$POD_CIDR --service-cluster-ip-range=$SERVICE_CIDR ;;
    kube-scheduler)
      launch kube-scheduler "$BIN/kube-scheduler" --kubeconfig=kubeconfig --leader-elect=false ;;
    containerd)
      launch containerd "$BIN/containerd" --config containerd/config.toml
      wait_until containerd ctr_ version ;;
    kubelet)
      launch kubelet "$BIN/kubelet" --config=kubelet.yaml --kubeconfig=kubeconfig --root-dir="$STATE/kubelet" \
        --cert-dir="$STATE/kubelet/pki" --hostname-override=node --node-ip=$NODE_IP ;;
    kube-proxy)
      launch kube-proxy "$BIN/kube-proxy" --kubeconfig=kubeconfig --proxy-mode=nftables --cluster-cidr=$POD_CIDR \
        --hostname-override=node --conntrack-max-per-core=0 ;;
    coredns)
      launch coredns "$BIN/coredns" -conf Corefile ;;
    load-balancer)
      launch load-balancer node "$ROOT/hack/cluster/loadBalancer.ts" "$STATE/kubeconfig" ;;
    *) fail "there is no component $1; there are: ${COMPONENTS[*]}" ;;
  esac
}
