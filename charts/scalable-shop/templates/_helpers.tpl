{{- define "scalable-shop.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "scalable-shop.labels" -}}
{{- $selector := dict "app.kubernetes.io/name" "scalable-shop" "app.kubernetes.io/instance" .Release.Name | toYaml -}}
{{ include "shop-library.labels" (list . $selector) }}
{{- end }}

{{/* Labels of one thing of this release: call with (list . "name" "component"). */}}
{{- define "scalable-shop.partLabels" -}}
{{ include "shop-library.labels" (list (index . 0) (include "scalable-shop.partSelector" .)) }}
{{- end }}

{{/* What the pods of one thing are given: call with (list . .Values.kafkaUi). */}}
{{- define "scalable-shop.podSettings" -}}
{{ include "shop-library.podSettings" (list (index . 0).Values.global.pods (index . 1)) }}
{{- end }}

{{/* Labels, and annotations if there are any, of one thing's pods: call with (list . "name" "component" settings). */}}
{{- define "scalable-shop.podMetadata" -}}
labels:
  {{- include "shop-library.podLabels" (list (index . 0) (include "scalable-shop.partSelector" .) (index . 3)) | nindent 2 }}
{{- with (index . 3).podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The image of the errand that `helm uninstall` runs. Where the operator holds a Shop back it has run, so its image is there;
     that of cm-api may never have been. */}}
{{- define "scalable-shop.uninstallImage" -}}
{{- if .Values.operator.enabled -}}
{{ include "shop-operator.image" .Subcharts.operator }}
{{- else -}}
{{ include "scalable-shop.image" (list . .Values.shop.images.cmApi "cm-api") }}
{{- end -}}
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
{{- $keys := dict }}
{{- range $user := include "mongodb.users" .Subcharts.mongodb | fromJsonArray }}
{{- if hasSuffix "-consumer" $user }}{{ $_ := set $keys (trimSuffix "-consumer" $user) (printf "uri-%s" $user) }}{{ end }}
{{- end }}
{{- $_ := set $found "consumerUriKeys" $keys }}
{{- $_ := set $found "readerUriSecretRef" (dict "name" $name "key" "uri-shop-reader") }}
{{- $_ := set $found "opsUriSecretRef" (dict "name" $name "key" "uri-cm-ops") }}
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
{{- with $given.consumerKeys }}{{ $_ := set $found "consumerUriKeys" . }}{{ end }}
{{- range $field, $key := dict "readerUriSecretRef" $given.readerKey "opsUriSecretRef" $given.opsKey "migratorUriSecretRef" $given.migratorKey }}
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
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end }}
