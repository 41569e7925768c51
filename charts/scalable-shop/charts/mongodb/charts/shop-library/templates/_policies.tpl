{{/* The rule of a NetworkPolicy by which a pod resolves names; every policy has this one. Without peers it holds for whoever
     answers: with NodeLocal DNSCache that is the node, and with OpenShift port 5353 of a pod. */}}
{{- define "shop-library.dnsEgress" -}}
{{- $dns := .Values.global.dns | default dict -}}
- ports:
    {{- range $dns.ports | default (list 53 5353) }}
    - {port: {{ . }}, protocol: UDP}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with $dns.peers }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
