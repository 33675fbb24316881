# The files that the node's components read. Sourced after lib.sh.

# write_certificates: an authority, and a certificate for each who needs one; kept while the cluster is up.
write_certificates() {
  [ -f "$STATE/pki/complete" ] && return
  (
    cd "$STATE/pki"
    local curve=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
    openssl req -x509 "${curve[@]}" -keyout ca.key -out ca.crt -days 365 -subj /CN=kubernetes
    openssl ecparam -genkey -name prime256v1 -noout -out sa.key
    openssl ec -in sa.key -pubout -out sa.pub
    issue() { # NAME SUBJECT [ALTERNATIVE NAMES]
      openssl req "${curve[@]}" -keyout "$1.key" -out "$1.csr" -subj "$2"
      openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -out "$1.crt" \
        -extfile <(printf 'extendedKeyUsage=clientAuth,serverAuth\n%s' "${3:+subjectAltName=$3}")
    }
    issue apiserver /CN=kube-apiserver "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:$NODE_IP,IP:198.19.0.1"
    issue front-proxy /CN=front-proxy # for aggregated APIs
    issue admin /O=system:masters/CN=admin
    touch complete
  ) 2> "$STATE/logs/openssl.log" || fail "openssl failed: $(cat "$STATE/logs/openssl.log")"
}

write_kubeconfig() {
  cat > "$STATE/kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters: [{name: $CLUSTER_NAME, cluster: {server: "https://$NODE_IP:6443", certificate-authority: $STATE/pki/ca.crt}}]
users: [{name: admin, user: {client-certificate: $STATE/pki/admin.crt, client-key: $STATE/pki/admin.key}}]
contexts: [{name: $CLUSTER_NAME, context: {cluster: $CLUSTER_NAME, user: admin}}]
current-context: $CLUSTER_NAME
YAML
}

# netns_mounts_under_state_dir: so that `down` knows which network namespaces are ours, whatever has died before.
write_containerd_config() {
  cat > "$STATE/containerd/config.toml" <<TOML
version = 3
root = "$STATE/containerd/root"
state = "$STATE/containerd/state"
[grpc]
  address = "$CONTAINERD_SOCKET"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "registry.k8s.io/pause:$PAUSE_VERSION"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "$STATE/cni"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
TOML
  cat > "$STATE/cni/10-bridge.conflist" <<JSON
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$STATE/cni/addresses", "ranges": [[{"subnet": "198.18.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
JSON
}

write_kubelet_config() {
  cat > "$STATE/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $STATE/pki/ca.crt}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
enforceNodeAllocatable: []
failCgroupV1: false
failSwapOn: false
containerRuntimeEndpoint: unix://$CONTAINERD_SOCKET
clusterDNS: [$DNS_IP]
clusterDomain: cluster.local
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: "100Mi", nodefs.available: "1%", imagefs.available: "1%", nodefs.inodesFree: "1%"}
maxPods: 250
resolvConf: ""
podLogsDir: $STATE/podlogs
YAML
}

write_dns_config() {
  cat > "$STATE/Corefile" <<CADDY
.:53 {
  bind $NODE_IP
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $STATE/kubeconfig $CLUSTER_NAME
    pods insecure
    ttl 5
  }
  cache 5
}
CADDY
}

# CoreDNS runs on the node: a Service without a selector leads to it.
apply_dns_service() {
  inside kubectl --kubeconfig "$STATE/kubeconfig" apply -f - > /dev/null <<YAML
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec: {clusterIP: $DNS_IP, ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kube-dns, namespace: kube-system, labels: {kubernetes.io/service-name: kube-dns}}
addressType: IPv4
endpoints: [{addresses: [$NODE_IP]}]
ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
YAML
}

# The scheduler goes by what Pods ask for, and tens of Gateways ask for more processors than a small machine has, although
# they do next to nothing: the node says that it has more. The kubelet says otherwise each time, so its word is mended.
overstate_cpus() {
  inside kubectl --kubeconfig "$STATE/kubeconfig" apply -f - > /dev/null <<YAML
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: node-cpus}
spec:
  failurePolicy: Ignore
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [UPDATE], resources: [nodes/status]}]
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration: {expression: 'Object{status: Object.status{capacity: {"cpu": "32"}, allocatable: {"cpu": "32"}}}'}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: node-cpus}
spec: {policyName: node-cpus}
YAML
  wait_until 'the node to say so' overstated
}
# A policy takes effect a moment after it has been applied, and an update is what it acts on.
overstated() {
  local node=("$BIN/kubectl" --kubeconfig "$STATE/kubeconfig" patch node node --subresource=status)
  inside "${node[@]}" -p "{\"metadata\":{\"annotations\":{\"sluice.dev/touched\":\"$RANDOM\"}}}" > /dev/null &&
    [ "$(inside "$BIN/kubectl" --kubeconfig "$STATE/kubeconfig" get node node -o 'jsonpath={.status.allocatable.cpu}')" = 32 ]
}
