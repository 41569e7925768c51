{{/* Everything is named after the release: release `shop` gives `shop-kafka`. */}}
{{- define "kafka.fullname" -}}
{{- printf "%s-kafka" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "kafka.selector" -}}
app.kubernetes.io/name: kafka
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "kafka.labels" -}}
{{ include "shop-library.labels" (list . (include "kafka.selector" .)) }}
{{- end -}}

{{/* Of one role, as YAML: call with (list . "broker"). */}}
{{- define "kafka.roleSelector" -}}
{{ include "kafka.selector" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* What the pods of one role are given: call with (list . .Values.brokers). */}}
{{- define "kafka.podSettings" -}}
{{- $values := (index . 0).Values -}}
{{ include "shop-library.podSettings" (list $values.global.pods $values (index . 1)) }}
{{- end -}}

{{- define "kafka.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* The same for a release in a namespace whenever it is installed, so that volumes kept from an earlier install fit.
     22 characters of base64: what Kafka takes as the id of a cluster. */}}
{{- define "kafka.clusterId" -}}
{{- .Values.clusterId | default (printf "%s/%s" .Release.Namespace .Release.Name | sha256sum | trunc 21 | printf "%sA") }}
{{- end -}}

{{/* id@host:port of each controller; ids from 1000, so that brokers count from 0. */}}
{{- define "kafka.voters" -}}
{{- $name := include "kafka.fullname" . -}}
{{- $voters := list -}}
{{- range $n := until (int .Values.controllers.replicas) -}}
{{- $voters = append $voters (printf "%d@%s-controller-%d.%s-controller.%s.svc:9093" (add 1000 $n) $name $n $name $.Release.Namespace) -}}
{{- end -}}
{{- join "," $voters -}}
{{- end -}}
