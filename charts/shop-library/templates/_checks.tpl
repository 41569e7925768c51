{{/* Objects are named after the release: whatever Helm takes as a name, Services and pods do not. */}}
{{- define "shop-library.checkRelease" -}}
{{- if gt (len .Release.Name) 40 }}
{{- fail "The release's name must have at most 40 characters, because Services are named after it: choose a shorter one." }}
{{- end }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" .Release.Name) }}
{{- fail (printf "The release's name %q must begin with a letter and have neither dots nor capitals, because Services are named after it: choose another one." .Release.Name) }}
{{- end }}
{{- end }}

{{/* Values that came after the first version may be missing: `helm upgrade --reuse-values` brings the old chart's defaults. */}}

{{/* A Secret is about to be made at random: call with (list . "the value that names one"). */}}
{{- define "shop-library.checkMade" -}}
{{- if not (dig "secrets" "generate" true (index . 0).Values.global) }}
{{- fail (printf "global.secrets.generate is false, so no Secret is made at random: name one of yours by %s." (index . 1)) }}
{{- end }}
{{- end }}

{{/* Names of objects of others: call with (dict "the value" "the name" …); an empty one is no name. */}}
{{- define "shop-library.checkNames" -}}
{{- range $value, $name := . }}
{{- if and $name (not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$" $name)) }}
{{- fail (printf "%s: %q cannot be the name of an object: use lower-case letters, digits, dashes and dots." $value $name) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Names of images: call with (dict "the value" "the image" …); an empty one is no image. */}}
{{- define "shop-library.checkImages" -}}
{{- range $value, $image := . }}
{{- if and $image (not (regexMatch "^[a-z0-9]([-a-z0-9._:/]*[a-z0-9])?(:[A-Za-z0-9_][-A-Za-z0-9_.]{0,127})?(@sha256:[0-9a-f]{64})?$" $image)) }}
{{- fail (printf "%s: %q is no name of an image, such as registry.example/shop/cm-api:1.0; all but the tag is in lower case." $value $image) }}
{{- end }}
{{- end }}
{{- end }}

{{/* An environment: call with (list "the value" env). */}}
{{- define "shop-library.checkEnv" -}}
{{- range $variable := index . 1 }}
{{- if and (hasKey $variable "value") (hasKey $variable "valueFrom") }}
{{- fail (printf "%s: %s has both value and valueFrom: remove one of them." (index $ 0) $variable.name) }}
{{- end }}
{{- end }}
{{- end }}

{{/* What a container asks for and may use: call with (list "the value" resources). */}}
{{- define "shop-library.checkResources" -}}
{{- $value := index . 0 }}
{{- $said := index . 1 | default dict }}
{{- range $kind := list "requests" "limits" }}
{{- range $name, $amount := get $said $kind | default dict }}
{{- if not (regexMatch "^[0-9]+(\\.[0-9]+)?([eE][0-9]+|m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?$" (include "shop-library.text" $amount)) }}
{{- fail (printf "%s.%s.%s: %v is no quantity, such as 500m, 2, 512Mi or 1Gi." $value $kind $name $amount) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $asked := $said.requests | default dict }}
{{- $limit := get ($said.limits | default dict) $name }}
{{- if and $limit (gt (include "shop-library.amount" $asked | float64) (include "shop-library.amount" $limit | float64)) }}
{{- fail (printf "%s: %s is requested with %v, above its limit of %v: lower requests.%s or raise limits.%s." $value $name $asked $limit $name $name) }}
{{- end }}
{{- end }}
{{- end }}

{{/* A number without the exponent by which Go writes large ones. */}}
{{- define "shop-library.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ printf "%.0f" . }}{{ else }}{{ toString . }}{{ end -}}
{{- end }}

{{/* A quantity as a number: 500m is 0.5, 1Ki is 1024. */}}
{{- define "shop-library.amount" -}}
{{- $text := include "shop-library.text" . -}}
{{- $number := regexFind "^[0-9]+(\\.[0-9]+)?([eE][0-9]+)?" $text -}}
{{- $units := dict "" 1.0 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 -}}
{{- $units = merge $units (dict "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0) -}}
{{- printf "%f" (mulf (float64 $number) (get $units (trimPrefix $number $text) | default 1.0)) -}}
{{- end }}

{{/* A StatefulSet's volumes cannot be changed in it: call with (list . live "value of the size" size "value of the class" class),
     `live` being what the cluster has, or empty. */}}
{{- define "shop-library.checkClaim" -}}
{{- $root := index . 0 }}
{{- $live := index . 1 }}
{{- if $live }}
{{- $claim := (first $live.spec.volumeClaimTemplates).spec }}
{{- $away := printf "kubectl delete statefulset %s -n %s --cascade=orphan" $live.metadata.name $root.Release.Namespace }}
{{- $was := $claim.resources.requests.storage }}
{{- if ne (include "shop-library.amount" $was) (include "shop-library.amount" (index . 3)) }}
{{- fail (printf "%s was %s and is now %s, which a StatefulSet does not take: grow each of its volume claims (`kubectl patch pvc`), then `%s`, then upgrade again ('Larger volumes' in docs/how-to/kubernetes.md)." (index . 2) $was (index . 3) $away) }}
{{- end }}
{{- if ne ($claim.storageClassName | default "") (index . 5) }}
{{- fail (printf "%s was %q and is now %q, which a StatefulSet does not take: volumes that are there keep their class. For new ones: `%s`, then upgrade again ('Larger volumes' in docs/how-to/kubernetes.md)." (index . 4) ($claim.storageClassName | default "") (index . 5) $away) }}
{{- end }}
{{- end }}
{{- end }}
