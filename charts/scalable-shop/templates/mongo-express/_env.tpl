{{- define "scalable-shop.mongoExpressEnv" -}}
# Nobody gets in without a name and a password (keys of the Secret: username, password, cookieSecret, sessionSecret).
- name: ME_CONFIG_BASICAUTH
  value: "true"
- name: ME_CONFIG_BASICAUTH_USERNAME
  valueFrom:
    secretKeyRef: {name: {{ .Values.mongoExpress.existingSecret | default (printf "%s-mongo-express" (include "scalable-shop.name" .)) }}, key: username}
- name: ME_CONFIG_BASICAUTH_PASSWORD
  valueFrom:
    secretKeyRef: {name: {{ .Values.mongoExpress.existingSecret | default (printf "%s-mongo-express" (include "scalable-shop.name" .)) }}, key: password}
- name: ME_CONFIG_SITE_COOKIESECRET
  valueFrom:
    secretKeyRef: {name: {{ .Values.mongoExpress.existingSecret | default (printf "%s-mongo-express" (include "scalable-shop.name" .)) }}, key: cookieSecret}
- name: ME_CONFIG_SITE_SESSIONSECRET
  valueFrom:
    secretKeyRef: {name: {{ .Values.mongoExpress.existingSecret | default (printf "%s-mongo-express" (include "scalable-shop.name" .)) }}, key: sessionSecret}
- name: ME_CONFIG_MONGODB_ENABLE_ADMIN
  value: "false"
# The user that reads: it sees the read models' database and no other.
{{- $uris := include "scalable-shop.mongodbSecrets" . | fromJson }}
{{- $uri := $uris.readerUriSecretRef | default $uris.uriSecretRef }}
- name: ME_CONFIG_MONGODB_URL
  valueFrom:
    secretKeyRef: {name: {{ $uri.name }}, key: {{ $uri.key }}}
{{- end }}
