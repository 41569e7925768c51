{{/* What no schema can say, each with what to do; with a cluster, also what must stay as it was at the install. */}}
{{- define "kafka.check" -}}
{{- include "shop-library.checkRelease" . }}
{{- range $role := list "controllers" "brokers" }}
{{- $said := get $.Values $role }}
{{- include "shop-library.checkResources" (list (printf "kafka.%s.resources" $role) $said.resources) }}
{{- $limit := dig "limits" "memory" "" ($said.resources | default dict) }}
{{- if and $limit (gt (mulf 1.25 (include "shop-library.amount" (upper $said.heap | printf "%si") | float64)) (include "shop-library.amount" $limit | float64)) }}
{{- fail (printf "kafka.%s.heap is %s, but the JVM needs a quarter more than its heap and the memory's limit is %v: lower the heap, or raise kafka.%s.resources.limits.memory." $role $said.heap $limit $role) }}
{{- end }}
{{- end }}
{{- $security := .Values.security }}
{{- $names := dict "kafka.security.certificate.existingSecret" $security.certificate.existingSecret "kafka.storageClass" .Values.storageClass }}
{{- range $user, $name := $security.existingSecrets }}
{{- $_ := set $names (printf "kafka.security.existingSecrets.%s" $user) $name }}
{{- end }}
{{- include "shop-library.checkNames" $names }}
{{- include "shop-library.checkImages" (dict "kafka.image" (include "kafka.image" .)) }}
{{- include "kafka.checkUnchanged" . }}
{{- end -}}

{{/* An upgrade that the API server, or the data, would not survive ends here. `helm template` knows no cluster and finds nothing. */}}
{{- define "kafka.checkUnchanged" -}}
{{- $name := include "kafka.fullname" . }}
{{- $files := (lookup "v1" "ConfigMap" .Release.Namespace $name).data | default dict }}
{{- $voters := regexFind "controller\\.quorum\\.voters=[^\n]*" (get $files "common.properties" | default "") | splitList "," | len }}
{{- if and $files (ne $voters (int .Values.controllers.replicas)) }}
{{- fail (printf "kafka.controllers.replicas was %d at the install and cannot be changed, as the quorum's members are fixed by then: leave it at %d." $voters $voters) }}
{{- end }}
{{- if and $files (ne (hasKey $files "certificate.sh") .Values.security.enabled) }}
{{- fail (printf "kafka.security.enabled was %v at the install and cannot be changed, as nodes with and without TLS would not find each other: leave it." (hasKey $files "certificate.sh")) }}
{{- end }}
{{- range $role, $said := dict "controller" .Values.controllers "broker" .Values.brokers }}
{{- $set := lookup "apps/v1" "StatefulSet" $.Release.Namespace (printf "%s-%s" $name $role) }}
{{- if and $set (eq $role "broker") (lt (int $said.replicas) (int $set.spec.replicas)) }}
{{- fail (printf "kafka.brokers.replicas was %d: the partitions of a broker that goes would go with it. Move them by kafka-reassign-partitions, then `kubectl scale statefulset %s-broker -n %s --replicas=%d`, then upgrade." (int $set.spec.replicas) $name $.Release.Namespace (int $said.replicas)) }}
{{- end }}
{{- range $variable := dig "spec" "template" "spec" "containers" (list dict) $set | first | dig "env" list }}
{{- if and (eq $variable.name "CLUSTER_ID") (ne $variable.value (include "kafka.clusterId" $)) }}
{{- fail (printf "kafka.clusterId was %s at the install and cannot be changed, as it is written in the volumes: set it to that." $variable.value) }}
{{- end }}
{{- end }}
{{- include "shop-library.checkClaim" (list $ $set (printf "kafka.%ss.storage" $role) $said.storage "kafka.storageClass" $.Values.storageClass) }}
{{- end }}
{{- end -}}
