// Package bucket reads and writes the settings of the S3 bucket that an archive is in: the rules
// that move and expire its objects, and the settings that protect these from being replaced or deleted.
//
//	plan, err := bucket.PlanLifecycle(ctx, archive, rules)
//
// Nothing of it runs beside kube-apiserver: the verbs lifecycle and doctor use it.
package bucket
