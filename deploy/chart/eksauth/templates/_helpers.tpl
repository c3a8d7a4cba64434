{{- define "eksauth.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "eksauth.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "eksauth.labels" -}}
{{ include "eksauth.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "eksauth.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "eksauth.name" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{- define "eksauth.image" -}}
{{- with .Values.image }}{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}{{ end }}
{{- end }}

{{- define "eksauth.configMap" -}}
{{- .Values.existingConfigMap | default (include "eksauth.name" .) }}
{{- end }}

{{- define "eksauth.tlsSecret" -}}
{{- if .Values.tls.certManager.enabled }}{{ include "eksauth.name" . }}-tls{{ else }}{{ .Values.tls.existingSecret }}{{ end }}
{{- end }}

{{/* The custom resources that are read: their plurals, separated by blanks. */}}
{{- define "eksauth.resources" -}}
{{- if has "CRD" .Values.backendMode }} iamidentitymappings{{ end }}
{{- if and (has "AccessEntries" .Values.backendMode) (not .Values.accessEntries) (not .Values.server.accessEntriesPath) }} accessentries{{ end }}
{{- end }}

{{/* "true" when a backend asks the Kubernetes API. */}}
{{- define "eksauth.asksApi" -}}
{{- if or (has "EKSConfigMap" .Values.backendMode) (include "eksauth.resources" .) }}true{{ end }}
{{- end }}

{{/* server: of the configuration: what the chart decides, under what the values say. */}}
{{- define "eksauth.server" -}}
{{- $server := dict "partition" .Values.partition "backendMode" .Values.backendMode }}
{{- if eq .Values.kind "DaemonSet" }}
{{- $_ := set $server "address" "127.0.0.1" }}
{{- if include "eksauth.tlsSecret" . }}
{{- /* a kubeconfig that trusts a certificate which is renewed would be wrong after the next renewal */ -}}
{{- $_ := set $server "kubeconfigPregenerated" true }}
{{- else }}
{{- $_ := set $server "generateKubeconfig" "/etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml" }}
{{- end }}
{{- else }}
{{- $_ := set $server "address" "0.0.0.0" }}
{{- $_ := set $server "hostname" (printf "%s.%s.svc" (include "eksauth.name" .) .Release.Namespace) }}
{{- $_ := set $server "kubeconfigPregenerated" true }}
{{- end }}
{{- if .Values.accessEntries }}
{{- $_ := set $server "accessEntriesPath" "/etc/eksauth/access-entries.yaml" }}
{{- end }}
{{- /* not merge, which takes false for nothing */ -}}
{{- range $key, $value := .Values.server }}
{{- $_ := set $server $key $value }}
{{- end }}
{{- toYaml $server }}
{{- end }}

{{/* "true" when each host gets a webhook kubeconfig from its server. */}}
{{- define "eksauth.writesKubeconfig" -}}
{{- if and (eq .Values.kind "DaemonSet") (not (include "eksauth.server" . | fromYaml).kubeconfigPregenerated) }}true{{ end }}
{{- end }}

{{- define "eksauth.check" -}}
{{- if and (not .Values.clusterID) (not .Values.existingConfigMap) }}{{ fail "clusterID is required: what clients give as --cluster-name" }}{{ end }}
{{- if and (eq .Values.kind "Deployment") (not (include "eksauth.tlsSecret" .)) }}{{ fail "a Deployment needs a certificate that all its pods share: set tls.existingSecret or tls.certManager.enabled" }}{{ end }}
{{- if and .Values.accessEntries (not (has "AccessEntries" .Values.backendMode)) }}{{ fail "accessEntries are read by the backend AccessEntries only: add it to backendMode" }}{{ end }}
{{- if gt (add 25 .Values.drainDelaySeconds) (sub (int .Values.terminationGracePeriodSeconds) 5) }}{{ fail "terminationGracePeriodSeconds must be at least 30 more than drainDelaySeconds" }}{{ end }}
{{- if and .Values.existingConfigMap .Values.accessEntries }}{{ fail "accessEntries cannot be put into an existing ConfigMap" }}{{ end }}
{{- end }}

{{/* The port of the webhook, as the configuration has it. */}}
{{- define "eksauth.port" -}}
{{- .Values.server.port | default 21362 }}
{{- end }}

{{/* Flags for what is not in a configuration of aws-iam-authenticator. */}}
{{- define "eksauth.serverArgs" -}}
{{- $daemon := eq .Values.kind "DaemonSet" -}}
- --status-address={{ $daemon | ternary .Values.status.address "0.0.0.0" }}
- --status-port={{ .Values.status.port }}
# the probes ask the port above
- --health-port=0
- --workers={{ .Values.workers }}
{{- if not $daemon }}
- --drain-delay={{ .Values.drainDelaySeconds }}
{{- end }}
{{- end }}
