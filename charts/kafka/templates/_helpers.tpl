{{/* Everything is named after the release: release `shop` gives `shop-kafka`. */}}
{{- define "kafka.fullname" -}}
{{- printf "%s-kafka" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "kafka.selector" -}}
app.kubernetes.io/name: kafka
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "kafka.labels" -}}
{{ include "kafka.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: scalable-shop
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "kafka.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* The same for a release in a namespace whenever it is installed, so that volumes kept from an earlier install fit.
     22 characters of base64: what Kafka takes as the id of a cluster. */}}
{{- define "kafka.clusterId" -}}
{{- printf "%s/%s" .Release.Namespace .Release.Name | sha256sum | trunc 21 }}A
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
