package naming

// Labels of containers and sandboxes, which the kubelet makes
// (k8s.io/kubernetes, pkg/kubelet/types/labels.go).
const (
	LabelPod       = "io.kubernetes.pod.name"
	LabelPodUID    = "io.kubernetes.pod.uid"
	LabelContainer = "io.kubernetes.container.name"
)

// InPod is what people call a container of Kubernetes's, POD_CONTAINER, by its labels. It is "" of
// what is none. No pod has a name with "_".
func InPod(labels map[string]string) string {
	if name := labels[LabelContainer]; name != "" {
		return labels[LabelPod] + "_" + name
	}
	return ""
}

// Place is where a container of Kubernetes's stands, UID/CONTAINER, by its labels: another one is
// made there for each restart. It is "" of what has none.
func Place(labels map[string]string) string {
	pod, name := labels[LabelPodUID], labels[LabelContainer]
	if pod == "" || name == "" {
		return ""
	}
	return pod + "/" + name
}
