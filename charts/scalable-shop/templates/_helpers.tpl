{{- define "scalable-shop.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "scalable-shop.labels" -}}
app.kubernetes.io/name: scalable-shop
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: scalable-shop
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: scalable-shop-{{ .Chart.Version }}
{{- end }}

{{/* Labels of one thing of this release: call with (list . "name" "component"). */}}
{{- define "scalable-shop.partLabels" -}}
{{- $root := index . 0 -}}
{{ include "scalable-shop.partSelector" . }}
app.kubernetes.io/part-of: scalable-shop
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: scalable-shop-{{ $root.Chart.Version }}
{{- end }}

{{- define "scalable-shop.partSelector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 2 }}
{{- end }}

{{/* An image of ours: call with (list . .Values.shop.images.cmApi "cm-api"). */}}
{{- define "scalable-shop.image" -}}
{{- $root := index . 0 -}}
{{- $said := index . 1 -}}
{{- if $said }}{{ $said }}{{ else }}{{ $root.Values.shop.images.repository }}/{{ index . 2 }}:{{ $root.Values.shop.images.tag | default $root.Chart.AppVersion }}{{ end -}}
{{- end }}

{{- define "scalable-shop.bootstrapServers" -}}
{{- if .Values.kafka.enabled -}}
{{ printf "%s-kafka" .Release.Name | trunc 40 | trimSuffix "-" }}.{{ .Release.Namespace }}.svc:9092
{{- else -}}
{{ .Values.kafka.bootstrapServers }}
{{- end -}}
{{- end }}

{{/* The Secrets by which all parts log in to Kafka, by the Shop's fields; empty where there is none. */}}
{{- define "scalable-shop.kafkaSecrets" -}}
{{- $kafka := .Values.kafka }}
{{- $found := dict }}
{{- if not $kafka.enabled }}
{{- $found = dict "secretRef" $kafka.existingSecret "passwordsSecretRef" $kafka.clientsSecret "caSecretRef" $kafka.caSecret }}
{{- else if $kafka.security.enabled }}
{{- $chart := .Subcharts.kafka }}
{{- $_ := set $found "secretRef" (include "kafka.operatorSecret" $chart) }}
{{- $_ := set $found "kedaSecretRef" (include "kafka.kedaSecret" $chart) }}
{{- $_ := set $found "passwordsSecretRef" (include "kafka.usersSecret" $chart) }}
{{- $_ := set $found "caSecretRef" (include "kafka.tlsSecret" $chart) }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{/* Named after what it holds, so that another address makes new pods. */}}
{{- define "scalable-shop.mongodbUriSecret" -}}
{{ include "scalable-shop.name" . }}-mongodb-uri-{{ .Values.mongodb.uri | sha256sum | trunc 8 }}
{{- end }}

{{/* The Secrets and keys that hold MongoDB's URIs, by the Shop's fields: consumers write, cm-api reads, the Job makes indexes. */}}
{{- define "scalable-shop.mongodbSecrets" -}}
{{- $said := .Values.mongodb }}
{{- $found := dict }}
{{- if $said.enabled }}
{{- $name := include "mongodb.secret" .Subcharts.mongodb }}
{{- $_ := set $found "uriSecretRef" (dict "name" $name "key" "uri-shop-writer") }}
{{- $_ := set $found "readerUriSecretRef" (dict "name" $name "key" "uri-shop-reader") }}
{{- $_ := set $found "migratorUriSecretRef" (dict "name" $name "key" "uri-shop-migrator") }}
{{- if $said.tls.enabled }}
{{- $_ := set $found "caSecretRef" (dict "name" (include "mongodb.tlsSecret" .Subcharts.mongodb)) }}
{{- end }}
{{- else }}
{{- if $said.uri }}
{{- $_ := set $found "uriSecretRef" (dict "name" (include "scalable-shop.mongodbUriSecret" .) "key" "uri") }}
{{- else }}
{{- $given := $said.existingSecret }}
{{- $_ := set $found "uriSecretRef" (dict "name" $given.name "key" $given.key) }}
{{- range $field, $key := dict "readerUriSecretRef" $given.readerKey "migratorUriSecretRef" $given.migratorKey }}
{{- if $key }}{{ $_ := set $found $field (dict "name" $given.name "key" $key) }}{{ end }}
{{- end }}
{{- end }}
{{- if $said.caSecret }}
{{- $_ := set $found "caSecretRef" (dict "name" $said.caSecret) }}
{{- end }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{/* Names of the Secrets that say who may call: the keys' hashes, the key of `helm test`, cm-server's token. */}}
{{- define "scalable-shop.apiKeysSecret" -}}
{{ .Values.auth.existingSecret | default (printf "%s-api-keys" (include "scalable-shop.name" .)) }}
{{- end }}

{{- define "scalable-shop.adminKeySecret" -}}
{{ include "scalable-shop.name" . }}-admin-key
{{- end }}

{{- define "scalable-shop.serviceTokenSecret" -}}
{{ .Values.auth.serviceToken.existingSecret | default (printf "%s-service-token" (include "scalable-shop.name" .)) }}
{{- end }}

{{/* The keys made for this release, as JSON: `file` is keys.json, `key` the admin's key in clear, empty once its Secret
     was deleted. Made once and kept over upgrades; remembered in .Values, as two Secrets must tell of the same key.
     `helm template` cannot look the old ones up: for GitOps name Secrets of your own. */}}
{{- define "scalable-shop.madeKeys" -}}
{{- if not (hasKey .Values "madeKeys") }}
{{- $file := (lookup "v1" "Secret" .Release.Namespace (include "scalable-shop.apiKeysSecret" .)).data | default dict }}
{{- $admin := (lookup "v1" "Secret" .Release.Namespace (include "scalable-shop.adminKeySecret" .)).data | default dict }}
{{- $made := dict "file" (b64dec (get $file "keys.json")) "key" (b64dec (get $admin "key")) }}
{{- if not $made.file }}
{{- $id := randAlphaNum 12 | lower }}
{{- $secret := randAlphaNum 43 }}
{{- $created := dateInZone "2006-01-02T15:04:05Z" now "UTC" }}
{{- $key := dict "id" $id "hash" (printf "sha256:%s" ($secret | sha256sum)) "name" "admin" "scopes" (list "admin") "created" $created }}
{{- $made = dict "file" (dict "keys" (list $key) | toJson) "key" (printf "shop_%s_%s" $id $secret) }}
{{- end }}
{{- $_ := set .Values "madeKeys" (toJson $made) }}
{{- end }}
{{- .Values.madeKeys }}
{{- end }}

{{/* What no schema can say, each with what to do. */}}
{{- define "scalable-shop.validate" -}}
{{- if gt (len .Release.Name) 40 }}
{{- fail "The release's name must have at most 40 characters, because Services are named after it: choose a shorter one." }}
{{- end }}
{{- if and .Values.kafka.enabled .Values.kafka.bootstrapServers }}
{{- fail "Set kafka.bootstrapServers (a Kafka that is there) or kafka.enabled (one in the cluster), not both: add kafka.enabled=false." }}
{{- end }}
{{- if not (or .Values.kafka.enabled .Values.kafka.bootstrapServers) }}
{{- fail "There is no Kafka: set kafka.enabled=true, or kafka.bootstrapServers to one that is there." }}
{{- end }}
{{- if .Values.kafka.enabled }}
{{- $given := .Values.kafka.security.existingSecrets }}
{{- if not (has (len (compact (list $given.users $given.operator $given.keda))) (list 0 3)) }}
{{- fail "kafka.security.existingSecrets: name all three Secrets or none, as they hold the same passwords." }}
{{- end }}
{{- end }}
{{- if and (dig "security" "extraUsers" dict .Values.kafka) (not (and .Values.kafka.enabled .Values.kafka.security.enabled)) }}
{{- fail "kafka.security.extraUsers are users of the Kafka that this release brings and secures: make them by `shopctl kafka acls` in another one." }}
{{- end }}
{{- if and .Values.kafka.enabled (or .Values.kafka.existingSecret .Values.kafka.clientsSecret .Values.kafka.caSecret) }}
{{- fail "kafka.existingSecret, clientsSecret and caSecret are for a Kafka that is there: use kafka.security.existingSecrets instead." }}
{{- end }}
{{- $databases := 0 }}
{{- range list .Values.mongodb.enabled .Values.mongodb.uri .Values.mongodb.existingSecret.name }}
{{- if . }}{{ $databases = add $databases 1 }}{{ end }}
{{- end }}
{{- if ne (int $databases) 1 }}
{{- fail "Name exactly one MongoDB: mongodb.enabled=true, or mongodb.enabled=false with mongodb.uri, or with mongodb.existingSecret.name." }}
{{- end }}
{{- if and .Values.cache.url .Values.cache.existingSecret.name }}
{{- fail "Set cache.url (a URL without a password) or cache.existingSecret.name (a Secret that holds one), not both." }}
{{- end }}
{{- if and .Values.mongodb.enabled .Values.mongodb.caSecret }}
{{- fail "mongodb.caSecret is for a MongoDB that is there: use mongodb.tls instead." }}
{{- end }}
{{- if and .Values.mongodb.enabled (ne .Values.mongodb.database .Values.shop.mongodb.database) }}
{{- fail "mongodb.database and shop.mongodb.database differ: the users that the chart makes may use only the first." }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) (not .Values.gateway.parentRefs) }}
{{- fail "ingress.host is empty: name the host that clients call, or set ingress.enabled=false." }}
{{- end }}
{{- $jwt := .Values.auth.jwt }}
{{- if eq .Values.auth.mode "jwt" }}
{{- if or (not $jwt.issuer) (not $jwt.audience) (eq (empty $jwt.jwksUrl) (empty $jwt.jwksSecret)) }}
{{- fail "auth.mode is jwt: set auth.jwt.issuer, auth.jwt.audience, and either auth.jwt.jwksUrl or auth.jwt.jwksSecret." }}
{{- end }}
{{- else if or $jwt.issuer $jwt.jwksUrl $jwt.jwksSecret }}
{{- fail "auth.jwt names an issuer, but auth.mode is not jwt: nobody would ask it." }}
{{- end }}
{{- $limits := .Values.limits }}
{{- if and $limits.url $limits.existingSecret.name }}
{{- fail "Name the limits' store once: by limits.url, or by limits.existingSecret." }}
{{- end }}
{{- if and (or $limits.url $limits.existingSecret.name) (not $limits.rules) }}
{{- fail "The limits have a store but no rules: set limits.rules, for example 600/60." }}
{{- end }}
{{- $topics := .Values.shop.kafka.topics }}
{{- if and .Values.kafka.enabled (gt (int $topics.replicationFactor) (int .Values.kafka.brokers.replicas)) }}
{{- fail (printf "shop.kafka.topics.replicationFactor is %d but there will be %d brokers: lower it, or raise kafka.brokers.replicas." (int $topics.replicationFactor) (int .Values.kafka.brokers.replicas)) }}
{{- end }}
{{- end }}

{{/* Pod and container settings that the Pod Security standard `restricted` asks for. */}}
{{- define "scalable-shop.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "scalable-shop.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "scalable-shop.pullSecrets" -}}
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}
