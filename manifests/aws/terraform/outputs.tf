output "archive_url" {
  description = "For --archive-url, and for auditsidecar ddl and verify."
  value       = "s3://${aws_s3_bucket.archive.id}/${var.prefix}"
}

output "sidecar_policy_arn" {
  description = "Attach it to the control planes' instance profile or Roles Anywhere role."
  value       = aws_iam_policy.sidecar.arn
}

output "athena_workgroup" {
  value = aws_athena_workgroup.audit.name
}
