resource "aws_cloudwatch_dashboard" "main" {
  dashboard_name = "web"
  dashboard_body = jsonencode({
    widgets = concat(
      [
        {
          type   = "metric"
          x      = 0
          y      = 0
          width  = 12
          height = 6
          properties = {
            metrics = [
              ["AWS/ApplicationELB", "RequestCount", "LoadBalancer", var.load_balancer, { stat = "Sum" }],
              [".", "HTTPCode_Target_5XX_Count", ".", "."],
            ]
            region = "eu-central-1"
            title  = "Requests"
          }
        },
      ],
      [
        for i, name in var.functions : {
          type       = "metric"
          x          = (i % 2) * 12
          y          = 6 + floor(i / 2) * 6
          width      = 12
          height     = 6
          properties = { metrics = [["AWS/Lambda", "Errors", "FunctionName", name]], region = "eu-central-1" }
        }
      ],
    )
  })
}

variable "load_balancer" { type = string }
variable "functions" { type = list(string) }
