# The bucket of an audit archive: versions, Object Lock, no public access, TLS
# only, no overwriting, no deleting by hand, the lifecycle rules that
# `auditsidecar lifecycle check` expects, and the policy for the nodes.

data "aws_caller_identity" "this" {}

# aws, aws-us-gov or aws-cn.
data "aws_partition" "this" {}

locals {
  below = "${var.prefix}/"
  arns  = "arn:${data.aws_partition.this.partition}:"
  bucket_policy = replace(replace(
    replace(
      replace(replace(file("${path.module}/../bucket-policy.json"), "BUCKET", var.bucket), "PREFIX", var.prefix),
      "arn:aws:iam::ACCOUNT:role/BREAK-GLASS", var.break_glass_role_arn
    ),
    "ACCOUNT", data.aws_caller_identity.this.account_id
  ), "arn:aws:", local.arns)
}

resource "aws_s3_bucket" "archive" {
  bucket              = var.bucket
  object_lock_enabled = true
}

resource "aws_s3_bucket_versioning" "archive" {
  bucket = aws_s3_bucket.archive.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_object_lock_configuration" "archive" {
  count  = var.object_lock_days > 0 ? 1 : 0
  bucket = aws_s3_bucket_versioning.archive.bucket
  rule {
    default_retention {
      mode = var.object_lock_mode
      days = var.object_lock_days
    }
  }
}

resource "aws_s3_bucket_public_access_block" "archive" {
  bucket                  = aws_s3_bucket.archive.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "archive" {
  bucket = aws_s3_bucket.archive.id
  policy = local.bucket_policy
}

resource "aws_s3_bucket_lifecycle_configuration" "archive" {
  bucket = aws_s3_bucket_versioning.archive.bucket

  rule {
    id     = "auditsidecar-data-${var.prefix}"
    status = "Enabled"
    filter {
      prefix = "${local.below}data/"
    }
    transition {
      days          = var.infrequent_days
      storage_class = "STANDARD_IA"
    }
    transition {
      days          = var.archive_days
      storage_class = var.archive_class
    }
    expiration {
      days = var.expire_days
    }
    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  rule {
    id     = "auditsidecar-open-${var.prefix}"
    status = "Enabled"
    filter {
      prefix = "${local.below}open/"
    }
    expiration {
      days = var.open_days
    }
    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  rule {
    id     = "auditsidecar-uploads-${var.prefix}"
    status = "Enabled"
    filter {
      prefix = local.below
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_iam_policy" "sidecar" {
  name_prefix = "auditsidecar-"
  description = "What the sidecars on the control planes may do: store, compare, list. No delete."
  policy      = replace(replace(replace(file("${path.module}/../iam-policy.json"), "BUCKET", var.bucket), "PREFIX", var.prefix), "arn:aws:", local.arns)
}

# Queries have a bucket of their own for results: nothing but the sidecars
# writes into the archive's.
resource "aws_s3_bucket" "results" {
  bucket_prefix = "audit-query-results-"
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "results" {
  bucket                  = aws_s3_bucket.results.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_athena_workgroup" "audit" {
  name = "audit"
  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = 1099511627776 # 1 TiB: a query that forgot its days
    engine_version {
      selected_engine_version = "Athena engine version 3"
    }
    result_configuration {
      output_location = "s3://${aws_s3_bucket.results.id}/"
      encryption_configuration {
        encryption_option = "SSE_S3"
      }
    }
  }
}
