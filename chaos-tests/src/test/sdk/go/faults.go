// The program of ../README.md that goes on while brokers die, with the Go SDK.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	rmq "github.com/apache/rocketmq-clients/golang/v5"
	"github.com/apache/rocketmq-clients/golang/v5/credentials"
	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
)

const (
	messageGroups = 4
	invisible     = 15 * time.Second
	// apache.rocketmq.v2.Code.MESSAGE_NOT_FOUND: an empty poll is an error to this SDK.
	messageNotFound = 40401
)

var (
	endpoints, prefix string
	lines             sync.Mutex
	stopping          = make(chan struct{})
)

func tell(words ...any) {
	var all []string
	for _, word := range words {
		all = append(all, fmt.Sprint(word))
	}
	lines.Lock()
	defer lines.Unlock()
	fmt.Println(strings.Join(all, "\t"))
}

func millis() int64 {
	return time.Now().UnixMilli()
}

// Tells what came of it.
func call(kind, key string, do func() error) bool {
	began := millis()
	err := do()
	told := "ok"
	if err != nil {
		told = strings.Join(strings.Fields(err.Error()), " ")
	}
	tell("call", kind, key, began, millis()-began, told)
	return err == nil
}

func topic(lane string) string {
	return prefix + "-" + lane
}

func config(group string) *rmq.Config {
	return &rmq.Config{
		Endpoint:      endpoints,
		ConsumerGroup: group,
		Credentials:   &credentials.SessionCredentials{},
	}
}

func message(lane, key string) *rmq.Message {
	return &rmq.Message{Topic: topic(lane), Body: []byte(key)}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func producer(lane string, options ...rmq.ProducerOption) rmq.Producer {
	made, err := rmq.NewProducer(config(""), append(options, rmq.WithTopics(topic(lane)))...)
	must(err)
	must(made.Start())
	return made
}

func send(sender rmq.Producer, one *rmq.Message) (*rmq.SendReceipt, error) {
	receipts, err := sender.Send(context.TODO(), one)
	if err != nil {
		return nil, err
	}
	return receipts[0], nil
}

func every(pause time.Duration, do func(number int)) {
	for number := 0; ; number++ {
		select {
		case <-stopping:
			return
		case <-time.After(pause):
			do(number)
		}
	}
}

func normal(sender rmq.Producer) {
	every(50*time.Millisecond, func(number int) {
		key := fmt.Sprintf("normal-%d", number)
		call("send-normal", key, func() error {
			_, err := send(sender, message("normal", key))
			return err
		})
	})
}

func fifo(sender rmq.Producer) {
	every(50*time.Millisecond, func(number int) {
		group := fmt.Sprintf("fifo-%d", number%messageGroups)
		one := message("fifo", fmt.Sprintf("%s-%d", group, number/messageGroups))
		one.SetMessageGroup(group)
		call("send-fifo", string(one.Body), func() error {
			_, err := send(sender, one)
			return err
		})
	})
}

func delay(sender rmq.Producer) {
	every(200*time.Millisecond, func(number int) {
		key, after := fmt.Sprintf("delay-%d", number), 3*time.Second
		recalls := number%5 == 4
		if recalls {
			key, after = fmt.Sprintf("recall-%d", number), 30*time.Second
		}
		one := message("delay", key)
		one.SetDelayTimestamp(time.Now().Add(after))
		var receipt *rmq.SendReceipt
		sent := call("send-delay", key, func() (err error) {
			receipt, err = send(sender, one)
			return err
		})
		if sent && recalls {
			call("recall", key, func() error {
				_, err := sender.Recall(context.TODO(), topic("delay"), receipt.RecallHandle)
				return err
			})
		}
	})
}

func transaction(sender rmq.Producer) {
	every(200*time.Millisecond, func(number int) {
		key := fmt.Sprintf("transaction-%d", number)
		begun := sender.BeginTransaction()
		sent := call("send-transaction", key, func() error {
			_, err := sender.SendWithTransaction(context.TODO(), message("transaction", key), begun)
			return err
		})
		if sent {
			call("commit", key, begun.Commit)
		}
	})
}

func startPush() {
	subscriptions := map[string]*rmq.FilterExpression{}
	for _, lane := range []string{"normal", "delay", "transaction"} {
		subscriptions[topic(lane)] = rmq.SUB_ALL
	}
	consumer, err := rmq.NewPushConsumer(config(prefix+"-push"),
		rmq.WithPushSubscriptionExpressions(subscriptions),
		rmq.WithPushMessageListener(&rmq.FuncMessageListener{
			Consume: func(view *rmq.MessageView) rmq.ConsumerResult {
				tell("got", "push", string(view.GetBody()), millis())
				return rmq.SUCCESS
			},
		}))
	must(err)
	must(consumer.Start())
}

type ackStatusKey struct{}

// The SDK's Ack returns no error whatever the status that the server has answered, so that is
// looked at on its way.
func watchAcks() {
	plain := rmq.NewRpcClient
	look := func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
		invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		err := invoke(ctx, method, request, reply, conn, options...)
		answer, isAck := reply.(*v2.AckMessageResponse)
		if status, asked := ctx.Value(ackStatusKey{}).(**v2.Status); isAck && asked {
			*status = answer.GetStatus()
		}
		return err
	}
	rmq.NewRpcClient = func(target string, options ...rmq.RpcClientOption) (rmq.RpcClient, error) {
		dial := rmq.WithDialOptions(grpc.WithChainUnaryInterceptor(look))
		return plain(target, append(options, rmq.WithRpcClientConnOption(dial))...)
	}
}

func ack(consumer rmq.SimpleConsumer, view *rmq.MessageView) error {
	var status *v2.Status
	err := consumer.Ack(context.WithValue(context.TODO(), ackStatusKey{}, &status), view)
	if err == nil && status.GetCode() != v2.Code_OK {
		return fmt.Errorf("the server answered %v, the SDK told nothing", status)
	}
	return err
}

func startSimple() rmq.SimpleConsumer {
	consumer, err := rmq.NewSimpleConsumer(config(prefix+"-fifo"),
		rmq.WithSimpleAwaitDuration(5*time.Second),
		rmq.WithSimpleSubscriptionExpressions(
			map[string]*rmq.FilterExpression{topic("fifo"): rmq.SUB_ALL}))
	must(err)
	must(consumer.Start())
	return consumer
}

func consume(consumer rmq.SimpleConsumer) {
	for {
		began := millis()
		views, err := consumer.Receive(context.TODO(), 16, invisible)
		if status, ok := rmq.AsErrRpcStatus(err); ok && status.GetCode() == messageNotFound {
			continue
		}
		if err != nil {
			told := strings.Join(strings.Fields(err.Error()), " ")
			tell("call", "receive", "-", began, millis()-began, told)
			continue
		}
		for _, view := range views {
			key := string(view.GetBody())
			tell("got", "simple", key, millis())
			call("ack", key, func() error { return ack(consumer, view) })
		}
	}
}

func main() {
	endpoints, prefix = os.Args[1], os.Args[2]
	// TLS is what the SDK does by itself, and verifies nothing.
	rmq.EnableSsl = len(os.Args) < 4 || os.Args[3] != "plaintext"
	watchAcks()
	commits := rmq.WithTransactionChecker(&rmq.TransactionChecker{
		Check: func(*rmq.MessageView) rmq.TransactionResolution { return rmq.COMMIT },
	})
	lanes := map[rmq.Producer]func(rmq.Producer){
		producer("normal"):               normal,
		producer("fifo"):                 fifo,
		producer("delay"):                delay,
		producer("transaction", commits): transaction,
	}
	startPush()
	go consume(startSimple())
	var running sync.WaitGroup
	for sender, lane := range lanes {
		running.Add(1)
		go func() {
			defer running.Done()
			lane(sender)
		}()
	}
	tell("open")
	orders := bufio.NewScanner(os.Stdin)
	orders.Scan()
	close(stopping)
	running.Wait()
	tell("stopped")
	orders.Scan()
	os.Exit(0)
}
