{{/* The pod template of both kinds. */}}
{{- define "eksauth.pod" -}}
{{- $daemon := eq .Values.kind "DaemonSet" }}
{{- $secret := include "eksauth.tlsSecret" . }}
{{- $writes := include "eksauth.writesKubeconfig" . }}
metadata:
  labels:
    {{- include "eksauth.selector" . | nindent 4 }}
    {{- with .Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- if or .Values.podAnnotations .Values.restartOnConfigChange }}
  annotations:
    {{- if .Values.restartOnConfigChange }}
    checksum/config: {{ include (print $.Template.BasePath "/config.yaml") . | sha256sum }}
    {{- end }}
    {{- with .Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- end }}
spec:
  serviceAccountName: {{ include "eksauth.serviceAccount" . }}
  automountServiceAccountToken: {{ include "eksauth.asksApi" . | eq "true" }}
  enableServiceLinks: false
  priorityClassName: {{ .Values.priorityClassName }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- if $daemon }}
  hostNetwork: true
  # the host's: logins must not depend on the cluster's own DNS
  dnsPolicy: Default
  {{- end }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: {{ .Values.runAsUser }}
    runAsGroup: {{ .Values.runAsUser }}
    fsGroup: {{ .Values.runAsUser }}
    seccompProfile: {type: RuntimeDefault}
  {{- if and $daemon .Values.hostPaths.prepare (or $writes (not $secret)) }}
  initContainers:
  - name: prepare
    image: {{ include "eksauth.image" . | quote }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    command:
    - python
    - -Ic
    - |
      import os, sys
      owner, *directories = sys.argv[1:]
      for directory in directories:
          for path in [directory, *(entry.path for entry in os.scandir(directory))]:
              os.chown(path, int(owner), int(owner), follow_symlinks=False)
    - {{ .Values.runAsUser | quote }}
    {{- if not $secret }}
    - /var/aws-iam-authenticator
    {{- end }}
    {{- if $writes }}
    - /etc/kubernetes/aws-iam-authenticator
    {{- end }}
    securityContext:
      # a directory that the kubelet makes belongs to root
      runAsUser: 0
      runAsGroup: 0
      runAsNonRoot: false
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL], add: [CHOWN, DAC_READ_SEARCH]}
    resources:
      requests: {cpu: 10m, memory: 32Mi}
      limits: {memory: 64Mi}
    volumeMounts:
    {{- if not $secret }}
    - {name: state, mountPath: /var/aws-iam-authenticator}
    {{- end }}
    {{- if $writes }}
    - {name: kubeconfig, mountPath: /etc/kubernetes/aws-iam-authenticator}
    {{- end }}
  {{- end }}
  containers:
  - name: eksauth
    image: {{ include "eksauth.image" . | quote }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    command: [eksauth, server, run]
    args:
    - --config=/etc/eksauth/config.yaml
    - --state-dir=/var/aws-iam-authenticator
    - --log-format={{ .Values.logFormat }}
    {{- include "eksauth.serverArgs" . | nindent 4 }}
    {{- if .Values.existingConfigMap }}
    {{- with .Values.clusterID }}
    - --cluster-id={{ . }}
    {{- end }}
    - --backend-mode={{ join "," .Values.backendMode }}
    {{- end }}
    {{- with .Values.extraArgs }}{{ toYaml . | nindent 4 }}{{ end }}
    {{- with .Values.extraEnv }}
    env: {{- toYaml . | nindent 4 }}
    {{- end }}
    ports:
    - {name: webhook, containerPort: {{ include "eksauth.port" . }}}
    - {name: status, containerPort: {{ .Values.status.port }}}
    {{- $host := and $daemon (ne .Values.status.address "0.0.0.0") (ne .Values.status.address "::") }}
    # the API may be slow to reach at a start: until mappings are there the pod is not ready, which stops a rollout
    startupProbe:
      httpGet: {path: /healthz, port: status{{ if $host }}, host: {{ .Values.status.address }}{{ end }}}
      periodSeconds: 2
      failureThreshold: 30
    livenessProbe:
      httpGet: {path: /healthz, port: status{{ if $host }}, host: {{ .Values.status.address }}{{ end }}}
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 6
    readinessProbe:
      # without STS: in its outage a server still knows the tokens of the last minutes
      httpGet: {path: "/readyz?exclude=sts", port: status{{ if $host }}, host: {{ .Values.status.address }}{{ end }}}
      periodSeconds: 5
      timeoutSeconds: 5
      failureThreshold: 2
    resources: {{- toYaml .Values.resources | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    volumeMounts:
    - {name: config, mountPath: /etc/eksauth, readOnly: true}
    - {name: state, mountPath: /var/aws-iam-authenticator{{ if $secret }}, readOnly: true{{ end }}}
    {{- if $writes }}
    - {name: kubeconfig, mountPath: /etc/kubernetes/aws-iam-authenticator}
    {{- end }}
    - {name: tmp, mountPath: /tmp}
    {{- with .Values.extraVolumeMounts }}{{ toYaml . | nindent 4 }}{{ end }}
  volumes:
  - name: config
    configMap: {name: {{ include "eksauth.configMap" . }}}
  - name: state
    {{- if $secret }}
    secret:
      secretName: {{ $secret }}
      defaultMode: 0440
      items:
      - {key: tls.crt, path: cert.pem}
      - {key: tls.key, path: key.pem}
    {{- else }}
    hostPath: {path: {{ .Values.hostPaths.stateDir }}, type: DirectoryOrCreate}
    {{- end }}
  {{- if $writes }}
  - name: kubeconfig
    hostPath: {path: {{ .Values.hostPaths.kubeconfigDir }}, type: DirectoryOrCreate}
  {{- end }}
  - name: tmp
    emptyDir: {medium: Memory, sizeLimit: 32Mi}
  {{- with .Values.extraVolumes }}{{ toYaml . | nindent 2 }}{{ end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  tolerations: {{- toYaml .Values.tolerations | nindent 2 }}
  affinity:
    {{- if kindIs "map" .Values.affinity }}{{ toYaml .Values.affinity | nindent 4 }}
    {{- else if $daemon }}
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms:
        # kubeadm and kops give the label no value, k3s the value "true"
        - matchExpressions: [{key: node-role.kubernetes.io/control-plane, operator: Exists}]
    {{- else }}
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels: {{- include "eksauth.selector" . | nindent 14 }}
    {{- end }}
  {{- if and .Values.topologySpread (not $daemon) }}
  topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "eksauth.selector" . | nindent 8 }}
  {{- end }}
{{- end }}
