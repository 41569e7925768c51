{{/* Labels of an object: call with (list . selector), the selector as YAML. The chart's own count before common ones. A chart
     that others take under another name says its own behind. */}}
{{- define "shop-library.labels" -}}
{{- $root := index . 0 -}}
{{- $own := index . 1 | fromYaml -}}
{{- $chart := $root.Chart.Name -}}
{{- if gt (len .) 2 }}{{ $chart = index . 2 }}{{ end -}}
{{- $_ := set $own "app.kubernetes.io/part-of" "scalable-shop" -}}
{{- $_ := set $own "app.kubernetes.io/version" $root.Chart.AppVersion -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" $chart $root.Chart.Version | replace "+" "_") -}}
{{- merge $own (include "shop-library.commonLabels" $root | fromYaml) | toYaml }}
{{- end }}

{{/* Labels of a pod: call with (list . selector settings). Neither the chart's version nor the application's, which would
     restart every pod with each version of the chart. */}}
{{- define "shop-library.podLabels" -}}
{{- $root := index . 0 -}}
{{- $own := index . 1 | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/part-of" "scalable-shop" -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- merge $own ((index . 2).podLabels | default dict) (include "shop-library.commonLabels" $root | fromYaml) | toYaml }}
{{- end }}

{{- define "shop-library.commonLabels" -}}
{{- merge (dict) (.Values.commonLabels | default dict) (.Values.global.commonLabels | default dict) | toYaml }}
{{- end }}

{{/* Manifests of the user's own, rendered as templates: objects, or text. */}}
{{- define "shop-library.extraObjects" -}}
{{- range .Values.extraObjects }}
---
{{ tpl (kindIs "string" . | ternary . (toYaml .)) $ }}
{{- end }}
{{- end }}
