{{/* Everything is named after the release: release `shop` gives `shop-mongodb`. */}}
{{- define "mongodb.fullname" -}}
{{ .Release.Name | trunc 45 | trimSuffix "-" }}-mongodb
{{- end }}

{{- define "mongodb.selector" -}}
app.kubernetes.io/name: mongodb
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "mongodb.labels" -}}
{{ include "shop-library.labels" (list . (include "mongodb.selector" .)) }}
{{- end }}

{{/* Of one role, as YAML: call with (list . "member"). */}}
{{- define "mongodb.roleSelector" -}}
{{ include "mongodb.selector" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* What the pods of one role are given: call with (list . "arbiter"). */}}
{{- define "mongodb.podSettings" -}}
{{- $values := (index . 0).Values -}}
{{ include "shop-library.podSettings" (list $values.global.pods $values (ternary $values.arbiter dict (eq (index . 1) "arbiter"))) }}
{{- end }}

{{- define "mongodb.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "mongodb.secret" -}}
{{ .Values.auth.existingSecret | default (include "mongodb.fullname" .) }}
{{- end }}

{{- define "mongodb.tlsSecret" -}}
{{ .Values.tls.existingSecret | default (printf "%s-tls" (include "mongodb.fullname" .)) }}
{{- end }}

{{/* Users of mongodb/users.json, as a JSON list. */}}
{{- define "mongodb.users" -}}
{{ (.Files.Get "files/users.json" | fromJson).users | keys | sortAlpha | toJson }}
{{- end }}

{{/* host:port of each data member, as a JSON list. */}}
{{- define "mongodb.hosts" -}}
{{- $name := include "mongodb.fullname" . }}
{{- $hosts := list }}
{{- range $n := until (int .Values.members) }}
{{- $hosts = append $hosts (printf "%s-%d.%s.%s.svc:27017" $name $n $name $.Release.Namespace) }}
{{- end }}
{{- $hosts | toJson }}
{{- end }}

{{- define "mongodb.arbiterHost" -}}
{{- $name := include "mongodb.fullname" . -}}
{{ printf "%s-arbiter-0.%s-arbiter.%s.svc:27017" $name $name .Release.Namespace }}
{{- end }}

{{/* The pod of one role: call with (dict "root" . "role" "member" "resources" …). */}}
{{- define "mongodb.pod" -}}
{{- $root := .root }}
{{- $member := eq .role "member" }}
{{- $settings := include "mongodb.podSettings" (list $root .role) | fromYaml }}
serviceAccountName: {{ include "mongodb.fullname" $root }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds }}
{{- with $root.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- include "shop-library.podSpec" (list $settings (include "mongodb.spread" $root)) }}
initContainers:
  {{- include "shop-library.extra" (list $settings "extraInitContainers") | nindent 2 }}
  # mongod refuses a key that others may read, and a Secret's volume always lets the group read.
  - name: keyfile
    image: {{ include "mongodb.image" $root | quote }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command:
      - sh
      - -c
      - |
        umask 077
        cp /secret/keyfile /keyfile/keyfile && chmod 400 /keyfile/keyfile
    resources:
      {{- toYaml .resources | nindent 6 }}
    securityContext:
      {{- include "mongodb.containerSecurity" $root | nindent 6 }}
    volumeMounts:
      - {name: secret, mountPath: /secret, readOnly: true}
      - {name: keyfile, mountPath: /keyfile}
containers:
  - name: mongod
    image: {{ include "mongodb.image" $root | quote }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command:
      # Where the pod has an IPv6 address mongod listens on it as well; asked to where there is none, it would not start.
      - sh
      - -c
      - |-
        {{- if $root.Values.tls.enabled }}
        {{- include "mongodb.certificate" (list $root .role) | nindent 8 }}
        {{- end }}
        if { read -r _ </proc/net/if_inet6; } 2>/dev/null; then set -- "$@" --ipv6; fi; exec "$@"
      - sh
      - mongod
      - --bind_ip_all
      - --port=27017
      - --replSet={{ $root.Values.replicaSet }}
      - --keyFile=/keyfile/keyfile
      {{- if $root.Values.tls.enabled }}
      - --tlsMode=requireTLS
      - --tlsCertificateKeyFile=/run/mongodb/node.pem
      - --tlsCAFile=/tls/ca.crt
      # Clients log in with a password.
      - --tlsAllowConnectionsWithoutCertificates
      {{- end }}
      - --dbpath=/data/db
      {{- if $member }}
      - --wiredTigerCacheSizeGB={{ $root.Values.cacheGB }}
      {{- end }}
      - --unixSocketPrefix=/tmp
    {{- with $settings.env }}
    env:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $settings.envFrom }}
    envFrom:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    ports:
      - name: mongodb
        containerPort: 27017
        protocol: TCP
    startupProbe:
      tcpSocket: {port: mongodb}
      periodSeconds: 2
      failureThreshold: 150
    readinessProbe:
      tcpSocket: {port: mongodb}
      periodSeconds: 5
    livenessProbe:
      tcpSocket: {port: mongodb}
      periodSeconds: 20
      failureThreshold: 6
    resources:
      {{- toYaml .resources | nindent 6 }}
    securityContext:
      {{- include "mongodb.containerSecurity" $root | nindent 6 }}
    volumeMounts:
      - {name: data, mountPath: /data/db}
      - {name: keyfile, mountPath: /keyfile, readOnly: true}
      - {name: tmp, mountPath: /tmp}
      {{- if $root.Values.tls.enabled }}
      - {name: tls, mountPath: /tls, readOnly: true}
      - {name: run, mountPath: /run/mongodb}
      {{- end }}
      {{- include "shop-library.extra" (list $settings "extraVolumeMounts") | nindent 6 }}
  {{- include "shop-library.extra" (list $settings "extraContainers") | nindent 2 }}
  {{- if $member }}
  # Beside mongod, because only a client on the same host may make the first user. The first member's does the work.
  - name: replica-set
    image: {{ include "mongodb.image" $root | quote }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command: [sh, /scripts/replica-set.sh]
    env:
      - name: POD_NAME
        valueFrom:
          fieldRef:
            fieldPath: metadata.name
      - name: REPLICA_SET
        value: {{ $root.Values.replicaSet }}
      - name: MEMBERS
        value: {{ include "mongodb.hosts" $root | quote }}
      - name: ARBITER
        value: {{ ternary (include "mongodb.arbiterHost" $root) "" $root.Values.arbiter.enabled | quote }}
      - name: DATABASE
        value: {{ $root.Values.database }}
      - name: TLS_CA
        value: {{ ternary "/tls/ca.crt" "" $root.Values.tls.enabled | quote }}
      # mongosh keeps its settings in the home folder.
      - name: HOME
        value: /tmp
    resources:
      requests: {cpu: 20m, memory: 96Mi, ephemeral-storage: 32Mi}
      limits: {cpu: "2", memory: 384Mi, ephemeral-storage: 128Mi}
    securityContext:
      {{- include "mongodb.containerSecurity" $root | nindent 6 }}
    volumeMounts:
      - {name: scripts, mountPath: /scripts, readOnly: true}
      - {name: passwords, mountPath: /secret, readOnly: true}
      - {name: shell, mountPath: /tmp}
      {{- if $root.Values.tls.enabled }}
      - {name: ca, mountPath: /tls, readOnly: true}
      {{- end }}
  {{- end }}
volumes:
  - name: secret
    secret:
      secretName: {{ include "mongodb.secret" $root | quote }}
      defaultMode: 0440
      items:
        - {key: keyfile, path: keyfile}
  - name: keyfile
    emptyDir: {medium: Memory, sizeLimit: 1Mi}
  {{- if $root.Values.tls.enabled }}
  - name: tls
    secret: {secretName: {{ include "mongodb.tlsSecret" $root | quote }}, defaultMode: 0440}
  - name: run
    emptyDir: {medium: Memory, sizeLimit: 1Mi}
  - name: ca
    secret:
      secretName: {{ include "mongodb.tlsSecret" $root | quote }}
      defaultMode: 0440
      items: [{key: ca.crt, path: ca.crt}]
  {{- end }}
  - name: tmp
    emptyDir: {sizeLimit: 64Mi}
  {{- if $member }}
  - name: passwords
    secret:
      secretName: {{ include "mongodb.secret" $root | quote }}
      defaultMode: 0440
      # A Secret of one's own may know fewer users: those are left out, and no member waits for them.
      optional: true
      items:
        {{- range prepend (include "mongodb.users" $root | fromJsonArray) "rootPassword" }}
        - {key: {{ . }}, path: {{ . }}}
        {{- end }}
  - name: scripts
    configMap:
      name: {{ include "mongodb.fullname" $root }}
  - name: shell
    emptyDir: {sizeLimit: 64Mi}
  {{- end }}
  {{- include "shop-library.extra" (list $settings "extraVolumes") | nindent 2 }}
{{- end }}

{{/* What mongod's container does with its certificate before it becomes mongod: call with (list . "member"). */}}
{{- define "mongodb.certificate" -}}
{{- $values := (index . 0).Values -}}
{{- include "shop-library.renewal" (list "/tls" ($values.tls.restartSeconds | default 180)) }}
write_certificate() { cat /tls/tls.key /tls/tls.crt >"$1"; }
{{- $votes := add $values.members (ternary 1 0 $values.arbiter.enabled) }}
{{- if eq (index . 1) "member" }}
turn() { echo "${HOSTNAME##*-} {{ $votes }}"; }
# As a member with the new certificate, greets the mongod that runs with the old one.
fits() {
  write_certificate /run/mongodb/next.pem
  HOME=/tmp mongosh --quiet --norc --tls --tlsCertificateKeyFile /run/mongodb/next.pem --tlsCAFile /tls/ca.crt --eval 'db.hello().ok' \
    'mongodb://127.0.0.1:27017/?directConnection=true&serverSelectionTimeoutMS=10000'
}
{{- else }}
turn() { echo "{{ $values.members }} {{ $votes }}"; }
# The members' turns are before; a shell is more than the arbiter's memory holds.
fits() { true; }
{{- end }}
used="$(certificate)"
(umask 077; write_certificate /run/mongodb/node.pem)
renew &
{{- end }}

{{/* How the members are spread, unless the values say otherwise. All of them count, the arbiter too: one machine must not
     hold two votes. */}}
{{- define "mongodb.spread" -}}
{{- if ne .Values.antiAffinity "none" -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: {{ ternary "DoNotSchedule" "ScheduleAnyway" (eq .Values.antiAffinity "required") }}
  labelSelector:
    matchLabels:
      {{- include "mongodb.selector" . | nindent 6 }}
{{- end }}
{{- end }}

{{- define "mongodb.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* A StatefulSet's volume claim: call with (list . "1Gi"). */}}
{{- define "mongodb.claim" -}}
{{- $root := index . 0 -}}
- metadata:
    name: data
    labels:
      {{- include "mongodb.selector" $root | nindent 6 }}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with $root.Values.storageClass }}
    storageClassName: {{ . | quote }}
    {{- end }}
    resources:
      requests:
        storage: {{ index . 1 }}
{{- end }}
