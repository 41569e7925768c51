{{- define "shop-operator.fullname" -}}
{{ .Release.Name | trunc 45 | trimSuffix "-" }}-operator
{{- end }}

{{- define "shop-operator.selector" -}}
app.kubernetes.io/name: shop-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* What its pods are labelled with, more than the Deployment chooses them by. */}}
{{- define "shop-operator.podSelector" -}}
{{ include "shop-operator.selector" . }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "shop-operator.labels" -}}
{{ include "shop-library.labels" (list . (include "shop-operator.podSelector" .) "shop-operator") }}
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

{{- define "shop-operator.env" -}}
- name: OPERATOR_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: OPERATOR_IDENTITY
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: OPERATOR_LEASE
  value: {{ include "shop-operator.fullname" . }}
- name: OPERATOR_INTERVAL
  value: {{ .Values.intervalSeconds | quote }}
{{- with .Values.watchNamespaces }}
- name: OPERATOR_WATCH_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
- name: OPERATOR_POD_IPS
  valueFrom:
    fieldRef:
      fieldPath: status.podIPs
- name: HEALTH_HOST
  value: "*"
- name: HEALTH_PORT
  value: "8090"
- name: LOG_LEVEL
  value: {{ .Values.logLevel }}
{{- end }}

{{/* How its pods are spread, unless the values say otherwise. */}}
{{- define "shop-operator.spread" -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "shop-operator.selector" . | nindent 6 }}
{{- end }}
