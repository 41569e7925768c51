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

{{/* Named after what it holds, so that another address makes new pods. */}}
{{- define "scalable-shop.mongodbUriSecret" -}}
{{ include "scalable-shop.name" . }}-mongodb-uri-{{ .Values.mongodb.uri | sha256sum | trunc 8 }}
{{- end }}

{{/* Which Secret and key hold MongoDB's URI. */}}
{{- define "scalable-shop.mongodbSecret" -}}
{{- if .Values.mongodb.enabled -}}
name: {{ .Values.mongodb.auth.existingSecret | default (printf "%s-mongodb" .Release.Name) }}
key: uri
{{- else if .Values.mongodb.uri -}}
name: {{ include "scalable-shop.mongodbUriSecret" . }}
key: uri
{{- else -}}
name: {{ .Values.mongodb.existingSecret.name }}
key: {{ .Values.mongodb.existingSecret.key }}
{{- end -}}
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
{{- if and .Values.mongodb.enabled (ne .Values.mongodb.database .Values.shop.mongodb.database) }}
{{- fail "mongodb.database and shop.mongodb.database differ: the user that the chart makes may use only the first." }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) (not .Values.gateway.parentRefs) }}
{{- fail "ingress.host is empty: name the host that clients call, or set ingress.enabled=false." }}
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
