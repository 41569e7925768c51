{{- define "scalable-shop.uninstallEnv" -}}
- {name: NAMESPACE, value: {{ .Release.Namespace | quote }}}
- {name: RELEASE, value: {{ .Release.Name | quote }}}
- {name: SHOP, value: {{ include "scalable-shop.name" . | quote }}}
- {name: TIMEOUT_SECONDS, value: {{ add .Values.shop.drainGraceSeconds 180 | quote }}}
{{- end }}

{{/* The same to Argo CD, which has a phase of its own for it; call with the wave. */}}
{{- define "scalable-shop.uninstallPhase" -}}
argocd.argoproj.io/hook: PreDelete
argocd.argoproj.io/hook-delete-policy: BeforeHookCreation,HookSucceeded
argocd.argoproj.io/sync-wave: {{ . | quote }}
{{- end }}
