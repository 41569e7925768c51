{{/* What no schema can say, each with what to do; with a cluster, also what must stay as it was at the install. */}}
{{- define "mongodb.check" -}}
{{- include "shop-library.checkRelease" . }}
{{- /* A StatefulSet's pods carry its name with a hash behind it as a label of at most 63 characters. */}}
{{- if and .Values.arbiter.enabled (gt (len .Release.Name) 36) }}
{{- fail "The release's name must have at most 36 characters where MongoDB has an arbiter, because its pods are labelled after it: choose a shorter one, or set mongodb.arbiter.enabled=false." }}
{{- end }}
{{- include "shop-library.checkResources" (list "mongodb.resources" .Values.resources) }}
{{- include "shop-library.checkResources" (list "mongodb.arbiter.resources" .Values.arbiter.resources) }}
{{- $limit := dig "limits" "memory" "" (.Values.resources | default dict) }}
{{- if and $limit (ge (mulf (float64 .Values.cacheGB) 1073741824.0) (include "shop-library.amount" $limit | float64)) }}
{{- fail (printf "mongodb.cacheGB is %v, but the memory's limit is %v: the cache takes about half of it; lower the cache, or raise mongodb.resources.limits.memory." .Values.cacheGB $limit) }}
{{- end }}
{{- $votes := add .Values.members (ternary 1 0 .Values.arbiter.enabled) }}
{{- if gt (int $votes) 7 }}
{{- fail (printf "mongodb.members and the arbiter are %d votes, but a replica set has at most 7: lower mongodb.members." (int $votes)) }}
{{- end }}
{{- include "shop-library.checkNames" (dict "mongodb.auth.existingSecret" .Values.auth.existingSecret "mongodb.tls.existingSecret" .Values.tls.existingSecret "mongodb.storageClass" .Values.storageClass) }}
{{- include "shop-library.checkImages" (dict "mongodb.image" (include "mongodb.image" .)) }}
{{- include "mongodb.checkUnchanged" . }}
{{- end }}

{{/* An upgrade that the API server, or the data, would not survive ends here. `helm template` knows no cluster and finds nothing. */}}
{{- define "mongodb.checkUnchanged" -}}
{{- $name := include "mongodb.fullname" . }}
{{- $set := lookup "apps/v1" "StatefulSet" .Release.Namespace $name }}
{{- $arbiter := lookup "apps/v1" "StatefulSet" .Release.Namespace (printf "%s-arbiter" $name) }}
{{- $page := "('Members that change' in mongodb/README.md)" }}
{{- if $set }}
{{- $members := int $set.spec.replicas }}
{{- if and $members (ne $members (int .Values.members)) }}
{{- fail (printf "mongodb.members was %d: a member is added and taken away in the replica set first, and by `kubectl scale statefulset %s -n %s`, then by this value %s." $members $name .Release.Namespace $page) }}
{{- end }}
{{- if ne (empty $arbiter) (not .Values.arbiter.enabled) }}
{{- fail (printf "mongodb.arbiter.enabled was %v: the arbiter is added and taken away in the replica set first %s." (not (empty $arbiter)) $page) }}
{{- end }}
{{- range $container := $set.spec.template.spec.containers }}
{{- range $word := $container.command }}
{{- if and (hasPrefix "--replSet=" $word) (ne $word (printf "--replSet=%s" $.Values.replicaSet)) }}
{{- fail (printf "mongodb.replicaSet was %s at the install and cannot be changed, as it is written in the data: leave it." (trimPrefix "--replSet=" $word)) }}
{{- end }}
{{- end }}
{{- range $variable := $container.env | default list }}
{{- if and (eq $variable.name "DATABASE") (ne $variable.value $.Values.database) }}
{{- fail (printf "mongodb.database was %s at the install and cannot be changed, as the data and its users are there: leave it." $variable.value) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- include "shop-library.checkClaim" (list . $set "mongodb.storage" .Values.storage "mongodb.storageClass" .Values.storageClass) }}
{{- if .Values.arbiter.enabled }}
{{- include "shop-library.checkClaim" (list . $arbiter "mongodb.arbiter.storage" .Values.arbiter.storage "mongodb.storageClass" .Values.storageClass) }}
{{- end }}
{{- end }}
