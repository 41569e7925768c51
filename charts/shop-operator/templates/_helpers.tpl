{{- define "shop-operator.fullname" -}}
{{ .Release.Name | trunc 45 | trimSuffix "-" }}-operator
{{- end }}

{{- define "shop-operator.selector" -}}
app.kubernetes.io/name: shop-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "shop-operator.labels" -}}
{{ include "shop-operator.selector" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: scalable-shop
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: shop-operator-{{ .Chart.Version }}
{{- end }}

{{- define "shop-operator.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* The namespaces it looks after and its own, where its Lease is, as a JSON list. */}}
{{- define "shop-operator.namespaces" -}}
{{ append .Values.watchNamespaces .Release.Namespace | uniq | toJson }}
{{- end }}
