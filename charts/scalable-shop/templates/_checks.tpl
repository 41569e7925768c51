{{/* What no schema can say, each with what to do. */}}
{{- define "scalable-shop.validate" -}}
{{- include "shop-library.checkRelease" . }}
{{- if .Values.errands }}
{{- fail "errands is called jobs now: move its settings there." }}
{{- end }}
{{- include "scalable-shop.validateWorkloads" . }}
{{- include "scalable-shop.validateNames" . }}
{{- if and .Values.kafka.enabled .Values.kafka.bootstrapServers }}
{{- fail "Set kafka.bootstrapServers (a Kafka that is there) or kafka.enabled (one in the cluster), not both: add kafka.enabled=false." }}
{{- end }}
{{- if not (or .Values.kafka.enabled .Values.kafka.bootstrapServers) }}
{{- fail "There is no Kafka: set kafka.enabled=true, or kafka.bootstrapServers to one that is there." }}
{{- end }}
{{- if .Values.kafka.enabled }}
{{- $given := .Values.kafka.security.existingSecrets }}
{{- if not (has (len (compact (list $given.users $given.operator $given.keda))) (list 0 3)) }}
{{- fail "kafka.security.existingSecrets: name all three Secrets or none, as they hold the same passwords." }}
{{- end }}
{{- end }}
{{- if and (dig "security" "extraUsers" dict .Values.kafka) (not (and .Values.kafka.enabled .Values.kafka.security.enabled)) }}
{{- fail "kafka.security.extraUsers are users of the Kafka that this release brings and secures: make them by `shopctl kafka acls` in another one." }}
{{- end }}
{{- if and .Values.kafka.enabled (or .Values.kafka.existingSecret .Values.kafka.clientsSecret .Values.kafka.caSecret) }}
{{- fail "kafka.existingSecret, clientsSecret and caSecret are for a Kafka that is there: use kafka.security.existingSecrets instead." }}
{{- end }}
{{- $databases := 0 }}
{{- range list .Values.mongodb.enabled .Values.mongodb.uri .Values.mongodb.existingSecret.name }}
{{- if . }}{{ $databases = add $databases 1 }}{{ end }}
{{- end }}
{{- if ne (int $databases) 1 }}
{{- fail "Name exactly one MongoDB: mongodb.enabled=true, or mongodb.enabled=false with mongodb.uri, or with mongodb.existingSecret.name." }}
{{- end }}
{{- if and .Values.cache.url .Values.cache.existingSecret.name }}
{{- fail "Set cache.url (a URL without a password) or cache.existingSecret.name (a Secret that holds one), not both." }}
{{- end }}
{{- if and (.Values.shop.catalogCaching | default dict).maxAge (ne .Values.auth.mode "none") }}
{{- fail "shop.catalogCaching.maxAge lets caches answer in place of the shop, which then asks nobody: set auth.mode=none, or maxAge=0." }}
{{- end }}
{{- if and .Values.mongodb.enabled .Values.mongodb.caSecret }}
{{- fail "mongodb.caSecret is for a MongoDB that is there: use mongodb.tls instead." }}
{{- end }}
{{- if and .Values.mongodb.enabled (ne .Values.mongodb.database .Values.shop.mongodb.database) }}
{{- fail "mongodb.database and shop.mongodb.database differ: the users that the chart makes may use only the first." }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) (not .Values.gateway.parentRefs) }}
{{- fail "ingress.host is empty: name the host that clients call, or set ingress.enabled=false." }}
{{- end }}
{{- if .Values.ingress.sourceRanges }}
{{- if .Values.gateway.parentRefs }}
{{- fail "ingress.sourceRanges: an HTTPRoute cannot keep addresses out. Do that at the Gateway (its load balancer's source ranges, or a policy of its implementation), or serve by an Ingress of class nginx." }}
{{- else if not .Values.ingress.enabled }}
{{- fail "ingress.sourceRanges: there is no Ingress that could keep others out; set ingress.enabled=true, or remove the ranges." }}
{{- else if ne .Values.ingress.className "nginx" }}
{{- fail (printf "ingress.sourceRanges works with class nginx only, and ingress.className is %q: remove the ranges, and tell your controller by ingress.annotations." .Values.ingress.className) }}
{{- end }}
{{- end }}
{{- $jwt := .Values.auth.jwt }}
{{- if eq .Values.auth.mode "jwt" }}
{{- if or (not $jwt.issuer) (not $jwt.audience) (eq (empty $jwt.jwksUrl) (empty $jwt.jwksSecret)) }}
{{- fail "auth.mode is jwt: set auth.jwt.issuer, auth.jwt.audience, and either auth.jwt.jwksUrl or auth.jwt.jwksSecret." }}
{{- end }}
{{- else if or $jwt.issuer $jwt.jwksUrl $jwt.jwksSecret }}
{{- fail "auth.jwt names an issuer, but auth.mode is not jwt: nobody would ask it." }}
{{- end }}
{{- $limits := .Values.limits }}
{{- if and $limits.url $limits.existingSecret.name }}
{{- fail "Name the limits' store once: by limits.url, or by limits.existingSecret." }}
{{- end }}
{{- if and (or $limits.url $limits.existingSecret.name) (not $limits.rules) }}
{{- fail "The limits have a store but no rules: set limits.rules, for example 600/60." }}
{{- end }}
{{- $topics := .Values.shop.kafka.topics }}
{{- if and .Values.kafka.enabled (gt (int $topics.replicationFactor) (int .Values.kafka.brokers.replicas)) }}
{{- fail (printf "shop.kafka.topics.replicationFactor is %d but there will be %d brokers: lower it, or raise kafka.brokers.replicas." (int $topics.replicationFactor) (int .Values.kafka.brokers.replicas)) }}
{{- end }}
{{- if gt (int $topics.minInsyncReplicas) (int $topics.replicationFactor) }}
{{- fail (printf "shop.kafka.topics.minInsyncReplicas is %d, but there are %d copies, so nothing could ever be acknowledged: lower it, or raise replicationFactor." (int $topics.minInsyncReplicas) (int $topics.replicationFactor)) }}
{{- end }}
{{- if and .Values.operator.enabled .Values.operator.watchNamespaces (not (has .Release.Namespace .Values.operator.watchNamespaces)) }}
{{- fail (printf "operator.watchNamespaces does not name %s, where this release's Shop is, so nobody would look after it: add it." .Release.Namespace) }}
{{- end }}
{{- end }}

{{/* The tiers and the consumers. */}}
{{- define "scalable-shop.validateWorkloads" -}}
{{- $shop := .Values.shop }}
{{- range $name := list "server" "api" }}
{{- $tier := get $shop $name }}
{{- include "shop-library.checkResources" (list (printf "shop.%s.resources" $name) $tier.resources) }}
{{- include "shop-library.checkEnv" (list (printf "shop.%s.env" $name) $tier.env) }}
{{- $scaled := $tier.autoscaling }}
{{- if and $scaled.maxReplicas (gt (int $scaled.minReplicas) (int $scaled.maxReplicas)) }}
{{- fail (printf "shop.%s.autoscaling.minReplicas is %d, above maxReplicas, which is %d: lower the one or raise the other." $name (int $scaled.minReplicas) (int $scaled.maxReplicas)) }}
{{- end }}
{{- end }}
{{- with $shop.ops }}
{{- include "shop-library.checkResources" (list "shop.ops.resources" .resources) }}
{{- include "shop-library.checkEnv" (list "shop.ops.env" .env) }}
{{- end }}
{{- $known := .Files.Get "files/domains.json" | fromJsonArray }}
{{- range $domain, $said := $shop.consumers }}
{{- if not (has $domain $known) }}
{{- fail (printf "shop.consumers.%s: there is no such domain; there are %s. An image of your own is scaled by a ShopConsumer (docs/how-to/operator.md)." $domain (join ", " $known)) }}
{{- end }}
{{- if $said }}
{{- include "shop-library.checkResources" (list (printf "shop.consumers.%s.resources" $domain) $said.resources) }}
{{- include "shop-library.checkEnv" (list (printf "shop.consumers.%s.env" $domain) $said.env) }}
{{- if not (regexMatch "^([1-9][0-9]{0,4}(s|m|h))?$" ($said.drainWithin | default "")) }}
{{- fail (printf "shop.consumers.%s.drainWithin: %q is no time: use a whole number with s, m or h, for example 30s or 5m." $domain $said.drainWithin) }}
{{- end }}
{{- if gt (int $said.minReplicas) (int $said.maxReplicas) }}
{{- fail (printf "shop.consumers.%s.minReplicas is %d, above maxReplicas, which is %d: lower the one or raise the other." $domain (int $said.minReplicas) (int $said.maxReplicas)) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $domain := $shop.campaignWarmUp.consumers }}
{{- if not (get $shop.consumers $domain) }}
{{- fail (printf "shop.campaignWarmUp.consumers names %s, but there is no such consumer: correct it, or add shop.consumers.%s." $domain $domain) }}
{{- end }}
{{- end }}
{{- range $part := list "kafkaUi" "mongoExpress" "jobs" }}
{{- include "shop-library.checkResources" (list (printf "%s.resources" $part) (get $.Values $part).resources) }}
{{- end }}
{{- end }}

{{/* Hosts, and objects of others. */}}
{{- define "scalable-shop.validateNames" -}}
{{- $hosts := dict "ingress.host" (list .Values.ingress.host) "gateway.hostnames" .Values.gateway.hostnames }}
{{- range $value, $names := $hosts }}
{{- range $host := $names }}
{{- if and $host (not (regexMatch "^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$" $host)) }}
{{- fail (printf "%s: %q is no host name: use lower-case letters, digits, dashes and dots, without scheme, port and path." $value $host) }}
{{- end }}
{{- end }}
{{- end }}
{{- $auth := .Values.auth }}
{{- $names := dict "auth.existingSecret" $auth.existingSecret "auth.testKeySecret" $auth.testKeySecret "auth.jwt.jwksSecret" $auth.jwt.jwksSecret }}
{{- $names = merge $names (dict "auth.jwt.caSecret" $auth.jwt.caSecret "auth.serviceToken.existingSecret" $auth.serviceToken.existingSecret) }}
{{- $names = merge $names (dict "ingress.tls.secretName" .Values.ingress.tls.secretName "ingress.tls.issuer.name" .Values.ingress.tls.issuer.name) }}
{{- $names = merge $names (dict "limits.existingSecret.name" .Values.limits.existingSecret.name "cache.existingSecret.name" .Values.cache.existingSecret.name) }}
{{- $names = merge $names (dict "kafka.existingSecret" .Values.kafka.existingSecret "kafka.clientsSecret" .Values.kafka.clientsSecret "kafka.caSecret" .Values.kafka.caSecret) }}
{{- $names = merge $names (dict "mongodb.existingSecret.name" .Values.mongodb.existingSecret.name "mongodb.caSecret" .Values.mongodb.caSecret) }}
{{- $names = merge $names (dict "kafkaUi.existingSecret" .Values.kafkaUi.existingSecret "mongoExpress.existingSecret" .Values.mongoExpress.existingSecret) }}
{{- range $n, $name := .Values.global.imagePullSecrets }}
{{- $_ := set $names (printf "global.imagePullSecrets[%d]" $n) $name }}
{{- end }}
{{- range $n, $gateway := .Values.gateway.parentRefs }}
{{- $_ := set $names (printf "gateway.parentRefs[%d].name" $n) $gateway.name }}
{{- $_ := set $names (printf "gateway.parentRefs[%d].namespace" $n) $gateway.namespace }}
{{- end }}
{{- $_ := set $names "ingress.className" .Values.ingress.className }}
{{- include "shop-library.checkNames" $names }}
{{- $images := dict "shop.images.repository or .cmServer" (include "scalable-shop.image" (list . .Values.shop.images.cmServer "cm-server")) }}
{{- $images = set $images "shop.images.repository or .cmApi" (include "scalable-shop.image" (list . .Values.shop.images.cmApi "cm-api")) }}
{{- range $part := list "kafkaUi" "mongoExpress" }}
{{- $image := (get $.Values $part).image }}
{{- $_ := set $images (printf "%s.image" $part) (printf "%s:%s" $image.repository $image.tag) }}
{{- end }}
{{- include "shop-library.checkImages" $images }}
{{- end }}
