/*
 * A unit whose author likes comments.
 */

// the queue
resource "aws_sqs_queue" "q" { # one queue
  name = "q" /* the name */
  // tags follow
  tags = { # all of them
    A = "a", // first
    "B" : "b",
    C = "c # not a comment"
  }
}

output "url" { value = aws_sqs_queue.q.url }
