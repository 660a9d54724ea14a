variable "bucket" {
  description = "Name of the archive's bucket. The module creates it."
  type        = string
}

variable "prefix" {
  description = "Prefix of the archive in the bucket, without slashes at its ends."
  type        = string
  default     = "audit-logs"

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$", var.prefix))
    error_message = "Give a prefix such as audit-logs, without slashes at its ends."
  }
}

variable "break_glass_role_arn" {
  description = "ARN of the only role that may delete objects by hand."
  type        = string
}

variable "infrequent_days" {
  description = "Days until data go to STANDARD_IA."
  type        = number
  default     = 90
}

variable "archive_days" {
  description = "Days until data go to archive_class."
  type        = number
  default     = 365
}

variable "archive_class" {
  description = "GLACIER_IR, which queries can read. Athena silently leaves out objects in GLACIER and DEEP_ARCHIVE, Trino fails on them."
  type        = string
  default     = "GLACIER_IR"
}

variable "expire_days" {
  description = "Days until data are deleted."
  type        = number
  default     = 2555
}

variable "open_days" {
  description = "Days until increments of open files are deleted; longer than the log takes to rotate."
  type        = number
  default     = 7
}

variable "object_lock_days" {
  description = "Days for which no object can be deleted or overwritten; 0 leaves Object Lock without a default retention."
  type        = number
  default     = 0
}

variable "object_lock_mode" {
  description = "GOVERNANCE, or COMPLIANCE, which nobody can undo, the account's root included."
  type        = string
  default     = "GOVERNANCE"
}
