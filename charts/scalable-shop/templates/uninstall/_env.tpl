{{- define "scalable-shop.uninstallEnv" -}}
- {name: NAMESPACE, value: {{ .Release.Namespace | quote }}}
- {name: RELEASE, value: {{ .Release.Name | quote }}}
- {name: SHOP, value: {{ include "scalable-shop.name" . | quote }}}
- {name: PATIENCE_SECONDS, value: {{ add .Values.shop.drainGraceSeconds 180 | quote }}}
{{- end }}
