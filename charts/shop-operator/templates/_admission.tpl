{{/* What of a spec decides only how many pods there are. Everything else decides what runs, as whom, and what it is given. */}}
{{- define "shop-operator.harmless" -}}
Shop: [campaignWarmUp, drainGraceSeconds]
ShopConsumer: [minReplicas, maxReplicas, lagThreshold, drainWithin, replicas, pollingInterval, cooldownPeriod, warmUp, drainGraceSeconds, mode, databaseGuard, maxDelay, activationLagThreshold, fallback, pauseScaleIn, pauseScaleOut]
{{- end }}

{{/* What comes of a resource, by the right that it takes to make it by hand, with the condition under which it is made. */}}
{{- define "shop-operator.made" -}}
Shop:
  - {group: apps, resource: deployments, when: "true"}
  - {group: "", resource: services, when: "true"}
  - {group: "", resource: serviceaccounts, when: "true"}
  - {group: batch, resource: jobs, when: "true"}
  - {group: networking.k8s.io, resource: networkpolicies, when: "object.spec.?networkPolicies.orValue(true)"}
  - {group: networking.k8s.io, resource: ingresses, when: "has(object.spec.ingress)"}
  - {group: gateway.networking.k8s.io, resource: httproutes, when: "has(object.spec.gateway)"}
  - group: autoscaling
    resource: horizontalpodautoscalers
    when: "['server', 'api'].exists(tier, tier in object.spec && has(object.spec[tier].autoscaling))"
ShopConsumer:
  - {group: apps, resource: deployments, when: "true"}
{{- end }}

{{/* Fields with the name of a Secret, and those that are lists of them (as an expression). */}}
{{- define "shop-operator.secrets" -}}
Shop:
  fields:
    - kafka.secretRef.name
    - kafka.kedaSecretRef.name
    - kafka.caSecretRef.name
    - kafka.passwordsSecretRef.name
    - mongodb.uriSecretRef.name
    - mongodb.readerUriSecretRef.name
    - mongodb.opsUriSecretRef.name
    - mongodb.migratorUriSecretRef.name
    - mongodb.caSecretRef.name
    - cache.urlSecretRef.name
    - ingress.tls.secretName
    - auth.apiKeysSecretRef.name
    - auth.jwt.jwksSecretRef.name
    - auth.jwt.caSecretRef.name
    - serviceTokenSecretRef.name
    - limits.urlSecretRef.name
  lists: ["object.spec.images.?pullSecrets.orValue([])"]
  envs: ["object.spec.?server.?env", "object.spec.?api.?env", "object.spec.?ops.?env"]
ShopConsumer:
  fields: [kafka.secretRef.name, kafka.kedaSecretRef.name, kafka.caSecretRef.name]
  lists: ["object.spec.?pullSecrets.orValue([])", "object.spec.?secrets.orValue([]).map(each, each.name)"]
  envs: ["object.spec.?env"]
{{- end }}

{{/* How many Secrets of one spec are asked about by name, as the API server bounds what a policy may ask. */}}
{{- define "shop-operator.slots" -}}20{{- end }}

{{/* The list of every Secret that a spec names: call with the entry of shop-operator.secrets. */}}
{{- define "shop-operator.named" -}}
{{- $parts := list -}}
{{- range .fields }}{{- $parts = append $parts (printf "object.spec.?%s.orValue('')" (replace "." ".?" .)) -}}{{- end -}}
{{- $lists := list (printf "[%s].filter(each, each != '')" (join ", " $parts)) -}}
{{- range .envs }}
{{- $lists = append $lists (printf "%s.orValue([]).filter(each, has(each.valueFrom) && has(each.valueFrom.secretKeyRef)).map(each, each.valueFrom.secretKeyRef.name)" .) -}}
{{- end -}}
{{- join " + " (concat .lists $lists) -}}
{{- end }}

{{/* Is a variable taken from this kind of source, in any environment? Call with (list entry source). */}}
{{- define "shop-operator.takes" -}}
{{- $source := index . 1 -}}
{{- $parts := list (printf "object.spec.?consumers.orValue([]).exists(one, one.?env.orValue([]).exists(each, has(each.valueFrom) && has(each.valueFrom.%s)))" $source) -}}
{{- if eq $source "configMapKeyRef" -}}
{{- range (index . 0).envs }}
{{- $parts = append $parts (printf "%s.orValue([]).exists(each, has(each.valueFrom) && has(each.valueFrom.%s))" . $source) -}}
{{- end -}}
{{- end -}}
{{- join " || " $parts -}}
{{- end }}

{{/* The head of a policy: call with (list . kind asks). The operator writes what a Shop says, which was asked about then. */}}
{{- define "shop-operator.policyHead" -}}
{{- $root := index . 0 -}}
{{- $kind := index . 1 -}}
{{- $harmless := get (include "shop-operator.harmless" $root | fromYaml) $kind | toJson -}}
failurePolicy: Fail
matchConstraints:
  resourceRules:
    - apiGroups: [scalable-shop.dev]
      apiVersions: ["*"]
      operations: [CREATE, UPDATE]
      resources: [{{ lower $kind }}s]
matchConditions:
  - name: not-the-operator
    expression: request.userInfo.username != 'system:serviceaccount:{{ $root.Release.Namespace }}:{{ include "shop-operator.fullname" $root }}'
  {{- if ne (index . 2) "owners" }}
  # Whoever changes nothing but the number of pods, or what is no spec, gains nothing by what stands there already.
  - name: changes-what-runs
    expression: >-
      oldObject == null
      || object.spec.exists(key, !(key in {{ $harmless }}) && !(key in oldObject.spec && oldObject.spec[key] == object.spec[key]))
      || oldObject.spec.exists(key, !(key in {{ $harmless }}) && !(key in object.spec))
  {{- end }}
{{- end }}

{{/* What belongs to the whole cluster carries the namespace in its name. */}}
{{- define "shop-operator.clusterName" -}}
{{- $name := printf "%s-%s" .Release.Namespace (include "shop-operator.fullname" .) -}}
{{- if le (len $name) 41 }}{{ $name }}{{ else }}{{ $name | trunc 32 | trimSuffix "-" }}-{{ $name | sha256sum | trunc 8 }}{{ end }}
{{- end }}

{{/* The policies: each one's name with what it asks, of which kind. */}}
{{- define "shop-operator.policies" -}}
{{- $name := include "shop-operator.clusterName" . -}}
{{ $name }}-shops-objects: {asks: objects, kind: Shop}
{{ $name }}-shops-secrets: {asks: secrets, kind: Shop}
{{ $name }}-shopconsumers-objects: {asks: objects, kind: ShopConsumer}
{{ $name }}-shopconsumers-secrets: {asks: secrets, kind: ShopConsumer}
{{ $name }}-shopconsumers-owners: {asks: owners, kind: ShopConsumer}
{{- end }}

{{/* May whoever writes it make by hand what comes of it? Call with (list . kind). */}}
{{- define "shop-operator.policy.objects" -}}
{{- $kind := index . 1 -}}
{{- $secrets := get (include "shop-operator.secrets" . | fromYaml) $kind -}}
validations:
  {{- range get (include "shop-operator.made" . | fromYaml) $kind }}
  - expression: >-
      !({{ .when }})
      || authorizer.group({{ .group | squote }}).resource({{ .resource | squote }}).namespace(request.namespace).check('create').allowed()
    reason: Forbidden
    message: >-
      The operator would make {{ .resource }} of this {{ $kind }}, and you may not create {{ .resource }} in this namespace yourself: ask for that right.
  {{- end }}
  - expression: >-
      !({{ include "shop-operator.takes" (list $secrets "configMapKeyRef") }})
      || authorizer.group('').resource('configmaps').namespace(request.namespace).check('get').allowed()
    reason: Forbidden
    message: env takes a value from a ConfigMap, and you may not get ConfigMaps in this namespace yourself; ask for that right.
{{- end }}

{{/* May whoever writes it read the Secrets that it names? Call with (list . kind). */}}
{{- define "shop-operator.policy.secrets" -}}
{{- $secrets := get (include "shop-operator.secrets" . | fromYaml) (index . 1) -}}
{{- $slots := include "shop-operator.slots" . | int -}}
variables:
  - name: every
    expression: authorizer.group('').resource('secrets').namespace(request.namespace).check('get').allowed()
  - name: names
    expression: {{ include "shop-operator.named" $secrets | toJson }}
validations:
  {{- range $index := until $slots }}
  - expression: >-
      variables.every || variables.names.size() <= {{ $index }}
      || authorizer.group('').resource('secrets').namespace(request.namespace).name(variables.names[{{ $index }}]).check('get').allowed()
    reason: Forbidden
    messageExpression: "'spec names Secret ' + variables.names[{{ $index }}] + ', which you may not get yourself: ask its owner for the right to get it.'"
  {{- end }}
  - expression: variables.every || (variables.names.size() <= {{ $slots }} && !({{ include "shop-operator.takes" (list $secrets "secretKeyRef") }}))
    reason: Forbidden
    message: spec names more Secrets than can be asked about one by one, or those of a consumer's env; you may not get all Secrets in this namespace yourself, so ask for that right.
{{- end }}

{{/* Who a ShopConsumer belongs to decides whose pods NetworkPolicies take its own for. */}}
{{- define "shop-operator.policy.owners" -}}
variables:
  - name: owners
    expression: object.metadata.?ownerReferences.orValue([]).filter(each, each.kind == 'Shop').map(each, each.uid)
  - name: before
    expression: "oldObject == null ? [] : oldObject.metadata.?ownerReferences.orValue([]).filter(each, each.kind == 'Shop').map(each, each.uid)"
validations:
  # The right that Kubernetes' own check of owners asks for.
  - expression: >-
      variables.owners.all(each, each in variables.before)
      || authorizer.group('scalable-shop.dev').resource('shops').subresource('finalizers').namespace(request.namespace).check('update').allowed()
    reason: Forbidden
    message: metadata.ownerReferences names a Shop, which only the operator and whoever may update shops/finalizers may do; leave it out.
{{- end }}
