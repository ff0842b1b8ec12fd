package main

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// What the application decides stands in the message: property "execute" is the state after the local transaction,
// "check" the answer to a check.
type listener struct {
	c call
}

func (l listener) ExecuteLocalTransaction(m *primitive.Message) primitive.LocalTransactionState {
	return stateOf(m.GetProperty("execute"))
}

func (l listener) CheckLocalTransaction(m *primitive.MessageExt) primitive.LocalTransactionState {
	l.c.emit("checked", fields{"topic": m.Topic, "body": string(m.Body), "props": m.GetProperties()})
	return stateOf(m.GetProperty("check"))
}

func stateOf(decided string) primitive.LocalTransactionState {
	switch decided {
	case "commit":
		return primitive.CommitMessageState
	case "rollback":
		return primitive.RollbackMessageState
	}
	return primitive.UnknowState
}

// Its answer comes when the producer stops; "started" says that it runs, "checked" that the broker asked.
func startTransactions(c call) (fields, error) {
	p, err := rocketmq.NewTransactionProducer(
		listener{c},
		producer.WithNsResolver(c.resolver()),
		producer.WithGroupName(c.Group),
		producer.WithInstanceName(c.Producer),
		producer.WithSendMsgTimeout(10*time.Second),
	)
	if err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		return nil, err
	}
	end := make(chan struct{})
	endOfPush.Store(c.Producer, end)
	running.Store(c.Producer, p)
	c.emit("started", nil)
	<-end
	return nil, nil
}

func sendInTransaction(c call) (fields, error) {
	value, known := running.Load(c.Producer)
	if !known {
		return nil, fmt.Errorf("no transaction producer %s", c.Producer)
	}
	for _, each := range c.Messages {
		m := primitive.NewMessage(c.Topic, []byte(each.Body))
		for name, value := range each.Props {
			m.WithProperty(name, value)
		}
		result, err := value.(rocketmq.TransactionProducer).SendMessageInTransaction(context.Background(), m)
		if err != nil {
			return nil, err
		}
		c.emit("sent", fields{"state": int(result.State), "msgId": result.MsgID, "transactionId": result.TransactionID})
	}
	return nil, nil
}

func stopTransactions(c call) (fields, error) {
	p, _ := running.LoadAndDelete(c.Producer)
	err := p.(rocketmq.TransactionProducer).Shutdown()
	end, _ := endOfPush.LoadAndDelete(c.Producer)
	close(end.(chan struct{}))
	return nil, err
}
