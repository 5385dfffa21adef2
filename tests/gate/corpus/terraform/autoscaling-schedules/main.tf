resource "aws_appautoscaling_target" "service" {
  service_namespace  = "ecs"
  resource_id        = "service/${var.cluster}/${var.service}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = 2
  max_capacity       = 20
}

resource "aws_appautoscaling_scheduled_action" "office_hours" {
  for_each = {
    morning = { cron = "cron(0 7 ? * MON-FRI *)", min = 4 }
    evening = { cron = "cron(0 19 ? * MON-FRI *)", min = 2 }
  }

  name               = each.key
  service_namespace  = aws_appautoscaling_target.service.service_namespace
  resource_id        = aws_appautoscaling_target.service.resource_id
  scalable_dimension = aws_appautoscaling_target.service.scalable_dimension
  schedule           = each.value.cron
  timezone           = "Europe/Berlin"

  scalable_target_action {
    min_capacity = each.value.min
    max_capacity = 20
  }
}

variable "cluster" { type = string }
variable "service" { type = string }
