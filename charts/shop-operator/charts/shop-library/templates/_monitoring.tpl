{{/* What the values say of monitoring, with what an older chart's values lack. */}}
{{- define "shop-library.monitoring" -}}
{{- $known := dict "enabled" false "labels" dict "interval" "30s" "docsUrl" "" "certificateDays" 14 -}}
{{- $known = merge $known (dict "podMonitors" true "rules" true "dashboards" true "dashboardLabels" (dict "grafana_dashboard" "1")) -}}
{{- mergeOverwrite $known (.Values.global.monitoring | default dict) | toYaml }}
{{- end }}

{{/* Labels of an object by which it is found: call with (list labels more), the labels as YAML. */}}
{{- define "shop-library.foundBy" -}}
{{- merge (index . 0 | fromYaml) (index . 1 | default dict) | toYaml }}
{{- end }}

{{/* The groups of a chart's files/alerts.yaml, with what the values say of them. */}}
{{- define "shop-library.alertGroups" -}}
{{- $said := include "shop-library.monitoring" . | fromYaml -}}
{{- $groups := list -}}
{{- range $group := (.Files.Get "files/alerts.yaml" | fromYaml).groups -}}
{{- $rules := list -}}
{{- range $rule := $group.rules -}}
{{- if $said.docsUrl -}}
{{- $_ := set $rule.annotations "runbook_url" (printf "%s/how-to/runbooks/%s.html" (trimSuffix "/" $said.docsUrl) $rule.alert) -}}
{{- end -}}
{{- if eq $rule.alert "ShopCertificateEnds" -}}
{{- $_ := set $rule "expr" (regexReplaceAll "[0-9]+ \\* 86400$" $rule.expr (printf "%d * 86400" (int $said.certificateDays))) -}}
{{- end -}}
{{- $rules = append $rules $rule -}}
{{- end -}}
{{- $groups = append $groups (dict "name" $group.name "rules" $rules) -}}
{{- end -}}
{{- toYaml $groups }}
{{- end }}

{{/* The endpoints of a PodMonitor, by the ports' names: call with (list . "port" …). Labels of metrics count before those of the pod,
     since the operator tells of other namespaces than its own. */}}
{{- define "shop-library.scraped" -}}
{{- $said := include "shop-library.monitoring" (first .) | fromYaml -}}
{{- range rest . }}
- {port: {{ . }}, path: /metrics, interval: {{ $said.interval }}, honorLabels: true}
{{- end }}
{{- end }}
