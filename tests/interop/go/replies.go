// Request-reply: a producer that waits for replies, and a consumer whose handler gives them.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

const replyTimeout = 20 * time.Second

// Sends each message as a question; "replied" tells of its answer.
func request(c call) (fields, error) {
	value, known := running.Load(c.Producer)
	if !known {
		return nil, fmt.Errorf("no producer %s", c.Producer)
	}
	for _, each := range c.Messages {
		question := primitive.NewMessage(c.Topic, []byte(each.Body))
		answer, err := value.(rocketmq.Producer).Request(context.Background(), replyTimeout, question)
		if err != nil {
			return nil, err
		}
		c.emit("replied", fields{
			"question": each.Body,
			"asked":    question.GetProperty(primitive.PropertyCorrelationID),
			"body":     string(answer.Body),
			"topic":    answer.Topic,
			"props":    answer.GetProperties(),
		})
	}
	return nil, nil
}

// Answers each question with "re: " and its body, until "push.stop".
func replier(c call) (fields, error) {
	p, err := rocketmq.NewProducer(
		producer.WithNsResolver(c.resolver()),
		producer.WithGroupName(c.Group+"_replies"),
		producer.WithInstanceName(c.Consumer+"-replies"),
	)
	if err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		return nil, err
	}
	defer p.Shutdown()
	reply := func(ctx context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		for _, m := range messages {
			answer := []byte("re: " + string(m.Body))
			r, err := consumer.CreateReplyMessage(m, answer)
			if err == nil {
				// CreateReplyMessage leaves it out.
				r.Body = answer
				_, err = p.SendSync(ctx, r)
			}
			if err != nil {
				c.emit("unsent", fields{"message": err.Error()})
				continue
			}
			c.emit("sent", fields{"correlation": r.GetProperty(primitive.PropertyCorrelationID)})
		}
		return consumer.ConsumeSuccess, nil
	}
	return pushTo(c, reply)
}
