# shellcheck shell=bash
# etcd, kube-apiserver, kube-controller-manager and kube-scheduler, their certificates and users.
# Runs as any user, on any address: $API_ADDRESS:$API_PORT and the loopback ports in $PORTS (etcd, its peer, controller-manager, scheduler).

# Every component is a user of its own, so that the audit log tells who wrote what: name|user|group.
# `operator` is for the process under test; it has cluster-admin by a ClusterRoleBinding, and not by the group system:masters,
# because requests of that group pass by the API server's flow control.
# shellcheck disable=SC2153 # NAME is the cluster's, set by `up`
users() {
  cat <<U
admin|admin|system:masters
operator|operator|
controller-manager|system:kube-controller-manager|system:masters
scheduler|system:kube-scheduler|system:masters
proxy|system:kube-proxy|
dns|coredns|system:masters
kwok|kwok|system:masters
node|system:node:$NAME|system:nodes
U
}

control_plane() {
  make_certificates
  make_users
  start etcd "$BIN/etcd" --data-dir="$STATE/data/etcd" --unsafe-no-fsync \
    --listen-client-urls="http://127.0.0.1:${PORTS[0]}" --advertise-client-urls="http://127.0.0.1:${PORTS[0]}" \
    --listen-peer-urls="http://127.0.0.1:${PORTS[1]}" --initial-advertise-peer-urls="http://127.0.0.1:${PORTS[1]}" \
    --initial-cluster="default=http://127.0.0.1:${PORTS[1]}"
  start_apiserver
  wait_until 20 etcd etcd curl -sf --max-time 2 "http://127.0.0.1:${PORTS[0]}/health"
  wait_until 60 apiserver 'the API server' api_is_ready
  start controller-manager "$BIN/kube-controller-manager" --kubeconfig="$STATE/users/controller-manager" \
    --service-account-private-key-file="$STATE/pki/sa.key" --root-ca-file="$STATE/pki/ca.crt" \
    --cluster-signing-cert-file="$STATE/pki/ca.crt" --cluster-signing-key-file="$STATE/pki/ca.key" \
    --flex-volume-plugin-dir="$STATE/data/volume-plugins" --leader-elect=false \
    --bind-address=127.0.0.1 --secure-port="${PORTS[2]}" --kube-api-qps=500 --kube-api-burst=1000
  start scheduler "$BIN/kube-scheduler" --kubeconfig="$STATE/users/scheduler" --leader-elect=false \
    --bind-address=127.0.0.1 --secure-port="${PORTS[3]}" --kube-api-qps=500 --kube-api-burst=1000
  kubectl create clusterrolebinding operator-user --clusterrole=cluster-admin --user=operator >/dev/null
}

# Tests run thousands of pods of chosen namespaces on fake nodes without touching the pods' templates: the two admission
# plugins take a node selector and tolerations from annotations of the namespace (README, "Fake nodes").
start_apiserver() {
  local flags=()
  if [ "$AUDIT" = 1 ]; then
    write_audit_policy
    flags+=(--audit-policy-file="$STATE/etc/audit-policy.yaml" --audit-log-path="$STATE/audit.log"
      --audit-log-maxsize=100000) # one file, whatever its size: tests and benchmarks read on in it
  fi
  start apiserver "$BIN/kube-apiserver" --etcd-servers="http://127.0.0.1:${PORTS[0]}" \
    --bind-address="$API_ADDRESS" --advertise-address="$API_ADDRESS" --secure-port="$API_PORT" \
    --tls-cert-file="$STATE/pki/api.crt" --tls-private-key-file="$STATE/pki/api.key" --client-ca-file="$STATE/pki/ca.crt" \
    --token-auth-file="$STATE/pki/tokens.csv" --authorization-mode=Node,RBAC \
    --enable-admission-plugins=PodNodeSelector,PodTolerationRestriction \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$STATE/pki/sa.key" \
    --service-account-signing-key-file="$STATE/pki/sa.key" --service-cluster-ip-range="$SERVICE_RANGE" \
    --allow-privileged=true --endpoint-reconciler-type=master-count --kubelet-preferred-address-types=InternalIP \
    --kubelet-client-certificate="$STATE/pki/kubelet-client.crt" --kubelet-client-key="$STATE/pki/kubelet-client.key" "${flags[@]}"
}

api_is_ready() {
  curl -sf --max-time 2 --cacert "$STATE/pki/ca.crt" -H 'Authorization: Bearer token-admin' "https://$API_ADDRESS:$API_PORT/readyz"
}

# Who did what to which object, written before the answer is sent: after a request returned, its line is there.
write_audit_policy() {
  cat >"$STATE/etc/audit-policy.yaml" <<Y
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
Y
}

make_certificates() {
  local key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes) service=kubernetes.default.svc
  pushd "$STATE/pki" >/dev/null
  openssl ecparam -name prime256v1 -genkey -noout -out sa.key
  openssl req -x509 "${key[@]}" -keyout ca.key -out ca.crt -days 30 -subj /CN=cluster-ca 2>/dev/null
  certificate api /CN=kube-apiserver \
    "subjectAltName=IP:127.0.0.1,IP:$API_ADDRESS,IP:$API_SERVICE_ADDRESS,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:$service,DNS:$service.cluster.local"
  certificate kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client extendedKeyUsage=clientAuth
  popd >/dev/null
}

# certificate NAME SUBJECT EXTENSION: signed by the cluster's CA. Uses the caller's `key`.
certificate() {
  openssl req "${key[@]}" -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -out "$1.crt" -days 30 -extfile <(echo "$3") 2>/dev/null
  rm "$1.csr"
}

# A static token and a kubeconfig for each user.
make_users() {
  local name user group
  while IFS='|' read -r name user group; do
    echo "token-$name,$user,$name${group:+,$group}" >>"$STATE/pki/tokens.csv"
    write_kubeconfig "token-$name" >"$STATE/users/$name"
  done < <(users)
  cp "$STATE/users/admin" "$STATE/kubeconfig"
}

write_kubeconfig() {
  cat <<Y
apiVersion: v1
kind: Config
clusters:
- name: $NAME
  cluster: {server: "https://$API_ADDRESS:$API_PORT", certificate-authority-data: $(base64 -w 0 "$STATE/pki/ca.crt")}
users:
- name: $NAME
  user: {token: $1}
contexts:
- name: $NAME
  context: {cluster: $NAME, user: $NAME}
current-context: $NAME
Y
}
