{{/* What a pod is given beyond what its chart says: call with a list of values, the nearest last (all charts' pods, the
     chart's, the part's). Maps are merged, the nearest counting; of lists and words the nearest that is not empty counts. */}}
{{- define "shop-library.podSettings" -}}
{{- $found := dict -}}
{{- $keys := list "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" "runtimeClassName" -}}
{{- $keys = concat $keys (list "schedulerName" "hostAliases" "dnsConfig" "podLabels" "podAnnotations" "env" "envFrom") -}}
{{- $keys = concat $keys (list "extraVolumes" "extraVolumeMounts" "extraInitContainers" "extraContainers") -}}
{{- range $level := . -}}
{{- range $key := $keys -}}
{{- $said := get ($level | default dict) $key -}}
{{- if and $said (kindIs "map" $said) -}}
{{- $_ := set $found $key (mergeOverwrite (deepCopy (get $found $key | default dict)) (deepCopy $said)) -}}
{{- else if $said -}}
{{- $_ := set $found $key $said -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $found | toYaml }}
{{- end }}

{{/* Where such a pod runs, and what it is told: call with (list settings spread), `spread` being the chart's own rules of
     spreading as YAML, which count unless others are said. */}}
{{- define "shop-library.podSpec" -}}
{{- $settings := index . 0 -}}
{{- $spread := $settings.topologySpreadConstraints | default (index . 1 | fromYamlArray) -}}
{{- with pick $settings "nodeSelector" "tolerations" "affinity" "priorityClassName" "runtimeClassName" "schedulerName" "hostAliases" "dnsConfig" }}
{{ toYaml . }}
{{- end }}
{{- with $spread }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The environment: call with (list own settings), `own` as YAML. A name that both say counts as the user says it, as the
     API server refuses two of one name. */}}
{{- define "shop-library.env" -}}
{{- $said := (index . 1).env | default list -}}
{{- $names := list -}}
{{- range $said }}{{- $names = append $names .name -}}{{- end -}}
{{- $kept := list -}}
{{- range index . 0 | fromYamlArray -}}
{{- if not (has .name $names) }}{{- $kept = append $kept . -}}{{- end -}}
{{- end -}}
{{- with concat $kept $said }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* One more part of a pod, as items of a list: call with (list settings "extraVolumes"). */}}
{{- define "shop-library.extra" -}}
{{- with get (index . 0) (index . 1) }}
{{ toYaml . }}
{{- end }}
{{- end }}
