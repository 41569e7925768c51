{{/* Names of the Secrets: the users' passwords, the logins of operator and KEDA, the nodes' certificate. */}}
{{- define "kafka.usersSecret" -}}
{{ .Values.security.existingSecrets.users | default (printf "%s-users" (include "kafka.fullname" .)) }}
{{- end -}}

{{- define "kafka.operatorSecret" -}}
{{ .Values.security.existingSecrets.operator | default (printf "%s-operator" (include "kafka.fullname" .)) }}
{{- end -}}

{{- define "kafka.kedaSecret" -}}
{{ .Values.security.existingSecrets.keda | default (printf "%s-keda" (include "kafka.fullname" .)) }}
{{- end -}}

{{- define "kafka.tlsSecret" -}}
{{ .Values.security.certificate.existingSecret | default (printf "%s-tls" (include "kafka.fullname" .)) }}
{{- end -}}

{{/* Who may do what: kafka/acls.json and the users that the values add, as JSON. */}}
{{- define "kafka.accessTable" -}}
{{- $principals := (.Files.Get "files/acls.json" | fromJson).principals }}
{{- range $user, $said := .Values.security.extraUsers }}
{{- if or (hasKey $principals $user) (eq $user "admin") }}
{{- fail (printf "kafka.security.extraUsers: %s is a user of the shop's own: choose another name." $user) }}
{{- end }}
{{- $_ := set $principals $user $said }}
{{- end }}
{{- dict "principals" $principals | toPrettyJson }}
{{- end -}}

{{/* A password for admin and for each principal of that table, as JSON. Made once and kept over upgrades; remembered
     in .Values, as several Secrets tell of the same ones. `helm template` can't look old ones up: name Secrets of yours. */}}
{{- define "kafka.passwords" -}}
{{- if not (hasKey .Values "madePasswords") }}
{{- $old := (lookup "v1" "Secret" .Release.Namespace (include "kafka.usersSecret" .)).data | default dict }}
{{- $made := dict }}
{{- $users := append ((include "kafka.accessTable" . | fromJson).principals | keys | sortAlpha) "admin" }}
{{- range $users }}
{{- $_ := set $made . (hasKey $old . | ternary (b64dec (get $old .)) (randAlphaNum 32)) }}
{{- end }}
{{- $_ := set .Values "madePasswords" (toJson $made) }}
{{- end }}
{{- .Values.madePasswords }}
{{- end -}}

{{/* The names that the nodes are called by. */}}
{{- define "kafka.dnsNames" -}}
{{- $name := include "kafka.fullname" . -}}
{{- $names := list $name (printf "%s.%s" $name .Release.Namespace) -}}
{{- range $host := list $name (printf "*.%s-broker" $name) (printf "*.%s-controller" $name) -}}
{{- range $end := list "svc" "svc.cluster.local" -}}
{{- $names = append $names (printf "%s.%s.%s" $host $.Release.Namespace $end) -}}
{{- end -}}
{{- end -}}
{{- toJson $names -}}
{{- end -}}

{{/* Where clients find the brokers: the operator lets the logins of this chart go there and nowhere else. */}}
{{- define "kafka.bootstrapServers" -}}
{{- $name := include "kafka.fullname" . -}}
{{- $found := list (printf "%s.%s:9092" $name .Release.Namespace) (printf "%s.%s.svc:9092" $name .Release.Namespace) -}}
{{- range $n := until (int .Values.brokers.replicas) -}}
{{- $found = append $found (printf "%s-broker-%d.%s-broker.%s.svc:9092" $name $n $name $.Release.Namespace) -}}
{{- end -}}
{{- join "," $found -}}
{{- end -}}

{{/* Lines of server.properties. Nodes know each other by their certificate, clients log in with name and password. */}}
{{- define "kafka.securityProperties" -}}
listener.security.protocol.map=CLIENT:SASL_SSL,INTERNAL:SSL,CONTROLLER:SSL
listener.name.controller.ssl.client.auth=required
listener.name.internal.ssl.client.auth=required
ssl.enabled.protocols=TLSv1.3,TLSv1.2
ssl.keystore.type=PEM
ssl.keystore.location=/run/kafka/node.pem
ssl.truststore.type=PEM
ssl.truststore.location=/etc/kafka-tls/ca.crt
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.client.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
# Nobody may do anything but what an ACL allows, except the nodes and the user that writes the ACLs.
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:CN={{ include "kafka.fullname" . }};User:admin
{{- end -}}
