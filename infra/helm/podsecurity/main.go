// Says what the Pod Security Standard `restricted` has against pods, by the library with which Kubernetes decides it.
// Pods come as a JSON list on standard input; the answer is a list of the same length, of what each may not do.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	core "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func main() {
	if err := judge(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func judge() error {
	var pods []core.Pod
	if err := json.NewDecoder(os.Stdin).Decode(&pods); err != nil {
		return err
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	found := make([]string, len(pods))
	for i, pod := range pods {
		result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec))
		found[i] = result.ForbiddenDetail()
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}
